//! How the shim is doing: what `drawbridge-shim status` shows and `GET /status` and `GET /metrics` answer.

mod metrics;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use report::{Evicted, Intake, LinkReport, Rejected, Report};

use crate::accept::IntakeCounters;
use crate::clock::CloudClock;
use crate::config::Config;
use crate::spool::{SpoolError, Writer};
use crate::{cli, send};

/// Where the line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// An attempt is under way.
    Connecting,
    /// Readings flow.
    Connected,
    /// Waiting before the next attempt.
    Waiting,
    /// The shim stops.
    Stopped,
}

/// The line's part of the status; the drain writes it.
#[derive(Debug, Default)]
pub struct LinkStatus {
    inner: Mutex<Inner>,
    in_flight: AtomicUsize,
    connects: AtomicU64,
    losses: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    state: Option<LinkState>,
    since: Option<Instant>,
    window: usize,
    last_error: Option<String>,
    next_attempt: Option<Instant>,
}

impl LinkStatus {
    /// Notes a new state.
    pub fn set(&self, state: LinkState) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.state, inner.since, inner.next_attempt) = (Some(state), Some(Instant::now()), None);
    }

    /// Notes that a session has begun, with its window.
    pub fn connected(&self, window: usize) {
        self.connects.fetch_add(1, Ordering::Relaxed);
        self.set(LinkState::Connected);
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).window = window;
    }

    /// Notes why the line is down and when the next attempt comes.
    pub fn down(&self, reason: &str, wait: Duration) {
        self.losses.fetch_add(1, Ordering::Relaxed);
        self.set(LinkState::Waiting);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.last_error = Some(reason.to_owned());
        inner.next_attempt = Some(Instant::now() + wait);
    }

    /// Notes when the next attempt comes after a session that ended in order: nothing was lost.
    pub fn pausing(&self, wait: Duration) {
        self.set(LinkState::Waiting);
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).next_attempt = Some(Instant::now() + wait);
    }

    /// Notes how many readings await their acknowledgement.
    pub fn set_in_flight(&self, count: usize) {
        self.in_flight.store(count, Ordering::Relaxed);
    }

    fn report(&self) -> LinkReport {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match inner.state {
            Some(LinkState::Connected) => "connected",
            Some(LinkState::Waiting) => "waiting",
            Some(LinkState::Stopped) => "stopped",
            Some(LinkState::Connecting) | None => "connecting",
        };
        LinkReport {
            state: state.to_owned(),
            for_ms: inner.since.map_or(0, |since| millis(since.elapsed())),
            last_error: inner.last_error.clone(),
            next_attempt_in_ms: inner.next_attempt.map(|at| millis(at.saturating_duration_since(Instant::now()))),
            connects: self.connects.load(Ordering::Relaxed),
            losses: self.losses.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            window: inner.window,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Everything a report is made of. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    /// The device's full name.
    pub device: Arc<str>,
    /// The spool.
    pub writer: Writer,
    /// The line.
    pub link: Arc<LinkStatus>,
    /// Counters of the intakes.
    pub intake: Arc<IntakeCounters>,
    /// Readings set aside because the cloud refused them.
    pub refused: Arc<AtomicU64>,
    /// The clock.
    pub clock: CloudClock,
}

impl Sources {
    /// The report as of now.
    ///
    /// # Errors
    /// [`SpoolError::Closed`] when the spool has been closed.
    pub async fn report(&self) -> Result<Report, SpoolError> {
        let spool = self.writer.stats().await?;
        let refused = self.refused.load(Ordering::Relaxed);
        Ok(Report {
            device: self.device.to_string(),
            boot: spool.boot,
            accepted: spool.accepted,
            // The spool gave refused readings up as delivered: it knows only one way out.
            delivered: spool.delivered.saturating_sub(refused),
            held: spool.held,
            evicted: Evicted { quota: spool.evicted.quota, disk_full: spool.evicted.disk_full, corrupt: spool.evicted.corrupt, refused },
            rejected: Rejected { quota: spool.rejected.quota, disk_full: spool.rejected.disk_full, too_large: spool.rejected.too_large },
            bytes_on_disk: spool.bytes_on_disk,
            oldest_age_ms: spool.oldest_captured_at_ms.map(|at| self.clock.device_ms().saturating_sub(at)),
            generations: spool.generations,
            quarantined: spool.quarantined,
            clock_offset_ms: self.clock.offset_ms(),
            clock_learnt: self.clock.has_learnt(),
            appends_waited: self.writer.waits(),
            intake: self.intake.report(),
            link: self.link.report(),
        })
    }
}

/// `drawbridge-shim status`: 0 when a shim answers, 1 when none does.
#[must_use]
pub fn main(config: &Path, json: bool) -> ExitCode {
    let socket = match Config::load(config) {
        Ok(config) => config.accept.unix,
        Err(error) => return cli::fail(cli::EXIT_USAGE, &error),
    };
    let answer = match send::ask(&socket, "status") {
        Ok(answer) => answer,
        Err(error) => return cli::fail(1, &error),
    };
    match serde_json::from_str::<Report>(&answer) {
        Ok(_) if json => cli::print(&answer),
        Ok(report) => cli::print(&format!("{report}\n")),
        Err(_) => cli::fail(1, &format!("the shim at {} answered: {}", socket.display(), answer.trim())),
    }
}
