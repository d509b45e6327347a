//! The report itself: JSON for programs, a table for people.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the shim is doing. `accepted = delivered + held + evicted`, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The device's full name.
    pub device: String,
    /// Which start of the shim on this spool.
    pub boot: u32,
    /// Readings made durable in the life of the spool.
    pub accepted: u64,
    /// Readings that the cloud has.
    pub delivered: u64,
    /// Readings still to be delivered.
    pub held: u64,
    /// Readings given up, by cause.
    pub evicted: Evicted,
    /// Readings refused at intake since the start, by cause; never accepted.
    pub rejected: Rejected,
    /// Bytes of the spool.
    pub bytes_on_disk: u64,
    /// Age of the oldest reading held, in milliseconds.
    pub oldest_age_ms: Option<u64>,
    /// Generations of the spool.
    pub generations: u64,
    /// Generations set aside as corrupt in the life of the spool.
    pub quarantined: u64,
    /// What is added to the device's clock to have the cloud's, in milliseconds.
    pub clock_offset_ms: i64,
    /// Whether the cloud has told its time since the start.
    pub clock_learnt: bool,
    /// Appends that had to wait for room in the queue before the disk, since the start.
    pub appends_waited: u64,
    /// The intakes.
    pub intake: Intake,
    /// The line.
    pub link: LinkReport,
}

/// Readings given up, by cause, in the life of the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evicted {
    /// The spool was full.
    pub quota: u64,
    /// The disk was full.
    pub disk_full: u64,
    /// The disk was damaged.
    pub corrupt: u64,
    /// The cloud refuses them for what they are; they are in `refused.jsonl`.
    pub refused: u64,
}

/// Readings refused at intake, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The spool was full and the policy is to reject.
    pub quota: u64,
    /// The disk was full.
    pub disk_full: u64,
    /// The reading was too large.
    pub too_large: u64,
}

/// What the intakes did since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Readings made durable.
    pub taken: u64,
    /// Readings refused with a sentence, for whatever reason.
    pub refused: u64,
    /// Connections open now.
    pub connections: u64,
    /// Connections closed at once because there were too many.
    pub connections_refused: u64,
    /// Commands that no local subscriber had room for.
    pub commands_dropped: u64,
}

/// The line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// `connecting`, `connected`, `waiting` or `stopped`.
    pub state: String,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// Why it was down last.
    pub last_error: Option<String>,
    /// When the next attempt comes, in milliseconds.
    pub next_attempt_in_ms: Option<u64>,
    /// Sessions begun since the start.
    pub connects: u64,
    /// Attempts and sessions that failed since the start.
    pub losses: u64,
    /// Readings sent and not acknowledged: those that a cut now would send twice.
    pub in_flight: usize,
    /// The most there may be of them; 0 before the first session.
    pub window: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evicted { quota, disk_full, corrupt, refused } = self.evicted;
        writeln!(f, "device       {} (start {})", self.device, self.boot)?;
        write!(f, "link         {} for {}", self.link.state, age(self.link.for_ms))?;
        if let Some(wait) = self.link.next_attempt_in_ms {
            write!(f, ", next attempt in {}", age(wait))?;
        }
        writeln!(f, " ({} connections, {} losses)", self.link.connects, self.link.losses)?;
        if let Some(error) = &self.link.last_error {
            writeln!(f, "last error   {error}")?;
        }
        writeln!(f, "accepted     {}", self.accepted)?;
        writeln!(f, "delivered    {}", self.delivered)?;
        writeln!(f, "held         {} ({} bytes on disk, {} generations)", self.held, self.bytes_on_disk, self.generations)?;
        writeln!(f, "oldest       {}", self.oldest_age_ms.map_or("-".into(), age))?;
        writeln!(
            f,
            "evicted      {} by quota, {} by a full disk, {} by damage, {} refused by the cloud",
            quota, disk_full, corrupt, refused
        )?;
        writeln!(f, "rejected     {} since the start", self.rejected.quota + self.rejected.disk_full + self.rejected.too_large)?;
        writeln!(f, "under way    {} of {}: as many may arrive twice if the line is cut now", self.link.in_flight, self.link.window)?;
        let learnt = if self.clock_learnt { "told by the cloud" } else { "not yet told by the cloud" };
        write!(f, "clock        {:+.1} s ({learnt})", self.clock_offset_ms as f64 / 1_000.0)
    }
}

fn age(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} ms"),
        secs @ 1..120 => format!("{secs} s"),
        secs @ 120..7_200 => format!("{} min", secs / 60),
        secs => format!("{} h", secs / 3_600),
    }
}
