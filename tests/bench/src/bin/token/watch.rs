//! How long this thread was at work.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// The processor's time of the thread, not the wall's: what else runs on the machine takes turns, and none of them counts.
pub(crate) struct Watch(Duration);

impl Watch {
    pub(crate) fn start() -> Result<Self> {
        at_work().map(Self)
    }

    pub(crate) fn stop(self) -> Result<Duration> {
        Ok(at_work()?.saturating_sub(self.0))
    }
}

fn at_work() -> Result<Duration> {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).context("the thread's clock")
}
