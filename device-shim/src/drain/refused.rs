//! Readings that the cloud refuses for what they are. Each is written to `refused.jsonl`, then counted in
//! `refused.json`, then acknowledged to the spool; so the account stays exact whenever the process ends, and a reading
//! is in the file at least once. Files over [`MAX_BYTES`] take no further payloads, the count goes on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::link::reading_id;
use crate::spool::{Kind, Seq, Stored};

/// Bytes of `refused.jsonl` above which readings are counted only.
pub const MAX_BYTES: u64 = 16 << 20;

/// Where refused readings go.
#[derive(Debug)]
pub struct Refused {
    dir: PathBuf,
    account: Account,
    count: Arc<AtomicU64>,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
struct Account {
    count: u64,
    /// The place of the last one: found again after a restart, it is not counted again.
    last: Option<Seq>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    reading_id: String,
    reason: &'a str,
    kind: &'static str,
    subfolder: &'a str,
    captured_at_ms: u64,
    payload_base64: String,
}

impl Refused {
    /// Reads the account in `dir`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let account: Account = match fs::read(dir.join("refused.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Account::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { dir: dir.into(), account, count: Arc::new(AtomicU64::new(account.count)) })
    }

    /// How many there have been in the life of the spool; follows further ones.
    #[must_use]
    pub fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }

    /// Writes and counts `stored`, durably.
    ///
    /// # Errors
    /// When the disk fails: then it is not counted, and must not be acknowledged.
    pub fn set_aside(&mut self, stored: &Stored, reason: &str) -> io::Result<()> {
        if self.account.last.is_some_and(|last| stored.seq <= last) {
            return Ok(());
        }
        self.write(stored, reason)?;
        let account = Account { count: self.account.count + 1, last: Some(stored.seq) };
        crate::files::replace(&self.dir.join("refused.json"), &serde_json::to_vec(&account)?)?;
        self.account = account;
        self.count.store(account.count, Ordering::Relaxed);
        Ok(())
    }

    fn write(&self, stored: &Stored, reason: &str) -> io::Result<()> {
        let mut file: File = OpenOptions::new().create(true).append(true).open(self.dir.join("refused.jsonl"))?;
        if file.metadata()?.len() > MAX_BYTES {
            return Ok(());
        }
        let (kind, subfolder) = match &stored.reading.kind {
            Kind::Events { subfolder } => ("events", subfolder.as_str()),
            Kind::State => ("state", ""),
        };
        let line = Line {
            reading_id: reading_id(stored.boot, stored.seq).to_string(),
            reason,
            kind,
            subfolder,
            captured_at_ms: stored.reading.captured_at_ms,
            payload_base64: STANDARD.encode(&stored.reading.payload),
        };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        file.write_all(&bytes)?;
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Reading;

    #[test]
    fn a_reading_is_counted_once_across_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let kind = Kind::Events { subfolder: "a1".into() };
        let reading = Reading { kind, device: None, captured_at_ms: 7, payload: "x".into(), properties: vec![] };
        let stored = |seq| Stored { boot: 2, seq, reading: reading.clone() };
        let mut refused = Refused::open(dir.path()).unwrap();
        refused.set_aside(&stored(4), "payload format invalid").unwrap();
        let mut refused = Refused::open(dir.path()).unwrap();
        refused.set_aside(&stored(4), "payload format invalid").unwrap();
        refused.set_aside(&stored(9), "payload format invalid").unwrap();
        assert_eq!(refused.count().load(Ordering::Relaxed), 2);
        let lines = fs::read_to_string(dir.path().join("refused.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.starts_with(r#"{"readingId":"2-5","reason":"payload format invalid","kind":"events","subfolder":"a1","capturedAtMs":7,"payloadBase64":"eA=="}"#), "{lines}");
    }
}
