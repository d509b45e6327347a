//! Sensors on the device: each hands its readings to the shim one by one, and hands one again that was not acknowledged.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use stage::Http;

/// A shim that does not come back for this long is an error.
const PATIENCE: Duration = Duration::from_secs(60);

const RETRY_AFTER: Duration = Duration::from_millis(50);

/// Sending threads. A reading's payload is its number in decimal.
#[derive(Debug)]
pub struct Sensors {
    shared: Arc<Shared>,
    sending: Vec<JoinHandle<Result<()>>>,
}

#[derive(Debug)]
struct Shared {
    intake: Mutex<SocketAddr>,
    accepted: AtomicU64,
    unsure: Mutex<BTreeSet<u64>>,
}

impl Sensors {
    /// Starts `count` sensors that send the readings `0..readings` between them, each pausing between two of its own.
    pub fn start(intake: SocketAddr, readings: u64, count: u64, pause: Duration) -> Self {
        let shared = Arc::new(Shared { intake: Mutex::new(intake), accepted: AtomicU64::new(0), unsure: Mutex::default() });
        let share = readings.div_ceil(count);
        let sending = (0..count).map(|sensor| {
            let shared = Arc::clone(&shared);
            let numbers = sensor * share..((sensor + 1) * share).min(readings);
            thread::spawn(move || numbers.into_iter().try_for_each(|n| shared.hand_over(n, pause)))
        });
        let sending = sending.collect();
        Self { shared, sending }
    }

    /// The shim was started anew and listens elsewhere.
    pub fn move_to(&self, intake: SocketAddr) {
        *self.shared.intake.lock().unwrap_or_else(PoisonError::into_inner) = intake;
    }

    /// Readings acknowledged so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Acquire)
    }

    /// Waits until all are acknowledged. Returns the readings that were handed over again because no answer came: the shim
    /// may hold those twice.
    ///
    /// # Errors
    /// When a sensor gave up.
    pub fn finish(self) -> Result<BTreeSet<u64>> {
        for sensor in self.sending {
            sensor.join().map_err(|_| anyhow!("a sensor panicked"))??;
        }
        Ok(self.shared.unsure.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Shared {
    fn hand_over(&self, n: u64, pause: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let intake = *self.intake.lock().unwrap_or_else(PoisonError::into_inner);
            match Http::to(intake).send("POST", "/v1/events", "text/plain", n.to_string().as_bytes()) {
                Ok(reply) => {
                    reply.success("the shim refused a reading")?;
                    self.accepted.fetch_add(1, Ordering::Release);
                    thread::sleep(pause);
                    return Ok(());
                }
                Err(e) => {
                    ensure!(start.elapsed() < PATIENCE, "reading {n} was not taken within {} s: {e:#}", PATIENCE.as_secs());
                    self.unsure.lock().unwrap_or_else(PoisonError::into_inner).insert(n);
                    thread::sleep(RETRY_AFTER);
                }
            }
        }
    }
}
