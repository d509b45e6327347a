//! What a spool has done: the exact account of invariant 5.

use super::Seq;

/// Counters of a spool. All but [`rejected`](Self::rejected) cover its whole life and survive restarts.
///
/// `accepted == delivered + held + evicted.total()` at every moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Readings committed. One whose commit failed counts only if it is found when the spool is opened again.
    pub accepted: u64,
    /// Readings acknowledged. After a crash it may be smaller than before, and `held` larger: those are sent again.
    pub delivered: u64,
    /// Readings committed and neither delivered nor evicted.
    pub held: u64,
    /// Readings given up by a declared policy, by cause.
    pub evicted: Evicted,
    /// Readings refused since the spool was opened, by cause. They were never accepted.
    pub rejected: Rejected,
    /// Bytes of all generations, set-aside ones included; the ballast is not.
    pub bytes_on_disk: u64,
    /// Capture time of the oldest reading held, in milliseconds since 1970; `None` when none is held.
    pub oldest_captured_at_ms: Option<u64>,
    /// Generations in the chain.
    pub generations: u64,
    /// Generations set aside as corrupt in the life of the spool.
    pub quarantined: u64,
    /// Which opening of the spool this is: 1, 2, 3, …
    pub boot: u32,
    /// The place after the last committed reading.
    pub end: Seq,
}

/// Readings given up, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evicted {
    /// The oldest generation was dropped because the quota was used up.
    pub quota: u64,
    /// The oldest generation was dropped because the disk was full.
    pub disk_full: u64,
    /// Their generation was damaged and set aside.
    pub corrupt: u64,
}

impl Evicted {
    /// Readings given up by any cause.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.quota + self.disk_full + self.corrupt
    }
}

/// Readings refused, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// The quota was used up and the policy is to reject.
    pub quota: u64,
    /// The disk was full.
    pub disk_full: u64,
    /// The reading exceeded a limit.
    pub too_large: u64,
}
