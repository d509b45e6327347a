//! What a session is told from outside, besides commands. Each kind is a flag: told twice is told once, so nothing
//! here can overflow.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// A kind of signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Signal {
    /// A newer connection of the same device came in.
    TakenOver = 1,
    /// The bridge stops: finish.
    Shutdown = 2,
    /// The device's records changed: read them again.
    Changed = 4,
}

/// The flags of one session.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    raised: AtomicU8,
    wake: Notify,
}

impl Signals {
    /// Raises `signal` and wakes the session.
    pub(crate) fn raise(&self, signal: Signal) {
        self.raised.fetch_or(signal as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// Waits for the next signal, most urgent first.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            for signal in [Signal::TakenOver, Signal::Shutdown, Signal::Changed] {
                if self.raised.fetch_and(!(signal as u8), Ordering::AcqRel) & signal as u8 != 0 {
                    return signal;
                }
            }
            self.wake.notified().await;
        }
    }
}
