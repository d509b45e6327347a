//! What earlier starts learnt of the clock: by how much each start was wrong, and when the cloud was last heard.
//!
//! With it, readings that an earlier start took and could not deliver still get the right capture time, and a device
//! that starts in 1970 knows that it is later.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CloudClock;

/// Starts that are remembered, newest first.
const MAX_BOOTS: usize = 64;
/// A change of the difference worth a write: 2 s.
const WORTH_A_WRITE_MS: u64 = 2_000;
/// How often the time of the last contact is written, at most: 30 minutes.
const LAST_CONTACT_EVERY_MS: u64 = 30 * 60 * 1_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct ClockHistory {
    file: PathBuf,
    boot: u32,
    saved: Saved,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Saved {
    /// Milliseconds since 1970 by the cloud's time.
    last_contact_ms: u64,
    /// By start: what to add to its own time to have the cloud's, in milliseconds.
    offsets_ms: BTreeMap<u32, i64>,
}

impl ClockHistory {
    /// Reads the history in `dir` for the `boot`th start, and tells `clock` how late it is at least. A history that
    /// cannot be read is none: it only improves what is known.
    #[must_use]
    pub fn open(dir: &Path, boot: u32, clock: &CloudClock) -> Self {
        let file = dir.join("clock.json");
        let saved: Saved = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        clock.at_least(saved.last_contact_ms);
        Self { file, boot, saved }
    }

    /// What to add to a capture time of that start, in milliseconds.
    #[must_use]
    pub fn offset_ms(&self, boot: u32, clock: &CloudClock) -> i64 {
        if boot == self.boot { clock.offset_ms() } else { self.saved.offsets_ms.get(&boot).copied().unwrap_or(0) }
    }

    /// The cloud has just been heard. Writes when that is news.
    ///
    /// # Errors
    /// When the disk fails; what was known before is then still there.
    pub fn heard(&mut self, clock: &CloudClock) -> io::Result<()> {
        let (now, offset) = (clock.now_ms(), clock.offset_ms());
        let known = self.saved.offsets_ms.get(&self.boot);
        let same = known.is_some_and(|known| known.abs_diff(offset) < WORTH_A_WRITE_MS);
        if same && now.abs_diff(self.saved.last_contact_ms) < LAST_CONTACT_EVERY_MS {
            return Ok(());
        }
        let mut saved = self.saved.clone();
        saved.last_contact_ms = now;
        saved.offsets_ms.insert(self.boot, offset);
        while saved.offsets_ms.len() > MAX_BOOTS {
            saved.offsets_ms.pop_first();
        }
        crate::files::replace(&self.file, &serde_json::to_vec(&saved)?)?;
        self.saved = saved;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_next_start_corrects_what_the_last_one_took() {
        const NOW_MS: u64 = 1_790_000_000_000;
        let dir = tempfile::tempdir().unwrap();
        let clock = CloudClock::new(Arc::new(|| 7_000));
        let mut history = ClockHistory::open(dir.path(), 1, &clock);
        clock.learn(NOW_MS);
        history.heard(&clock).unwrap();
        let written = std::fs::metadata(dir.path().join("clock.json")).unwrap().modified().unwrap();
        history.heard(&clock).unwrap();
        assert_eq!(std::fs::metadata(dir.path().join("clock.json")).unwrap().modified().unwrap(), written, "no news, no write");

        let clock = CloudClock::new(Arc::new(|| 9_000));
        let history = ClockHistory::open(dir.path(), 2, &clock);
        assert!(clock.now_ms().abs_diff(NOW_MS) < 1_000, "later than the last contact");
        assert!(7_000_u64.saturating_add_signed(history.offset_ms(1, &clock)).abs_diff(NOW_MS) < 1_000);
        assert_eq!(history.offset_ms(9, &clock), 0);
    }
}
