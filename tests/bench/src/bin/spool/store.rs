//! What the three have in common, and ours.

use std::path::Path;

use anyhow::{Result, ensure};
use device_shim::spool::sled::{SledOptions, SledSpool};
use device_shim::spool::{Kind, PeekLimit, Reading, Seq, Spool};

use crate::{PAYLOAD_BYTES, log::Log, sqlite::Sqlite};

/// Acknowledged readings after which a store saves the position.
pub(crate) const SAVE_EVERY: u64 = 1_024;

/// A durable queue of readings; the peers keep their payloads only.
pub(crate) trait Store {
    /// Appends a group and makes them durable.
    fn commit(&mut self, group: &[Reading]) -> Result<()>;
    /// Reads up to `count` payloads from the oldest on, gives them up, and returns how many there were. The position
    /// is durable every [`SAVE_EVERY`] readings.
    fn drain(&mut self, count: usize) -> Result<u64>;
    /// Whether the oldest payload can be read.
    fn first(&mut self) -> Result<bool>;
}

/// The names by which children know them, ours first.
pub(crate) const STORES: [&str; 3] = ["spool", "log", "sqlite"];

/// Opens or creates the store `name` in `dir`.
pub(crate) fn open(name: &str, dir: &Path) -> Result<Box<dyn Store>> {
    Ok(match name {
        "spool" => Box::new(Ours::open(dir)?),
        "log" => Box::new(Log::open(dir)?),
        "sqlite" => Box::new(Sqlite::open(dir)?),
        other => anyhow::bail!("no store `{other}`"),
    })
}

/// All three, in folders of their own.
pub(crate) fn open_all(dir: &Path) -> Result<Vec<Box<dyn Store>>> {
    STORES.iter().map(|name| open(name, &dir.join(name))).collect()
}

/// So many readings with payloads of random bytes.
pub(crate) fn readings(count: u64) -> Vec<Reading> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut reading = || Reading {
        kind: Kind::Events { subfolder: String::new() },
        device: None,
        captured_at_ms: 1_700_000_000_000,
        payload: (0..PAYLOAD_BYTES).map(|_| byte()).collect(),
        properties: Vec::new(),
    };
    (0..count).map(|_| reading()).collect()
}

struct Ours {
    spool: SledSpool,
    next: Seq,
}

impl Ours {
    fn open(dir: &Path) -> Result<Self> {
        let options = SledOptions { quota_bytes: 8 << 30, ..SledOptions::default() };
        Ok(Self { spool: SledSpool::open(dir, options)?, next: 0 })
    }
}

impl Store for Ours {
    fn commit(&mut self, group: &[Reading]) -> Result<()> {
        self.spool.append(group)?;
        Ok(self.spool.commit()?)
    }

    fn drain(&mut self, count: usize) -> Result<u64> {
        let found = self.spool.peek(self.next, PeekLimit { readings: count, bytes: usize::MAX })?;
        if let Some(last) = found.last() {
            ensure!(last.reading.payload.len() == PAYLOAD_BYTES, "a damaged reading");
            self.next = last.seq + 1;
            self.spool.ack(self.next)?;
            if self.next - self.spool.saved() >= SAVE_EVERY {
                self.spool.commit()?;
            }
        }
        Ok(found.len() as u64)
    }

    fn first(&mut self) -> Result<bool> {
        Ok(!self.spool.peek(0, PeekLimit { readings: 1, bytes: 0 })?.is_empty())
    }
}
