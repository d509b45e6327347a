//! A sensor: hands readings to the shim, one by one, and counts those that the shim acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Result, anyhow};
use stage::Http;

use crate::interrupt;

/// A sending thread.
pub(super) struct Feeder {
    accepted: Arc<AtomicU64>,
    sending: Option<JoinHandle<Result<()>>>,
}

impl Feeder {
    /// Starts to send `readings` readings.
    pub(super) fn start(intake: SocketAddr, readings: u64) -> Result<Self> {
        let accepted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&accepted);
        let sending = thread::Builder::new().name("feeder".into()).spawn(move || feed(intake, readings, &count))?;
        Ok(Self { accepted, sending: Some(sending) })
    }

    /// Readings that the shim has acknowledged: they are on its disk.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// `Ok` while it sends, and when it has sent all.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.sending.take_if(|s| s.is_finished()) {
            None => Ok(()),
            Some(sent) => sent.join().map_err(|_| anyhow!("the feeder panicked"))?,
        }
    }
}

fn feed(intake: SocketAddr, readings: u64, accepted: &AtomicU64) -> Result<()> {
    let mut http = Http::to(intake);
    for n in 1..=readings {
        if interrupt::came() {
            return Ok(());
        }
        let celsius = 18.0 + f64::from(u32::try_from(n % 80)?) / 10.0;
        let reading = format!("{{\"n\":{n},\"celsius\":{celsius:.1}}}");
        http.send("POST", "/v1/events", "application/json", reading.as_bytes())?.success("the shim refused a reading")?;
        accepted.fetch_add(1, Ordering::Release);
    }
    Ok(())
}
