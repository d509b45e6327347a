//! # Topic log: Pub/Sub on one machine's disk
//!
//! Promise: a message is answered with its id only when it is on disk (`fdatasync`); messages of one topic keep their
//! order; a torn last line is cut off at the next start. Not promised: subscriptions. A reader starts where it likes
//! and keeps its own place; `drawbridge tail` is one.
//!
//! Layout: `{dir}/{project}/{topic}/{first offset, 20 digits}.jsonl`, one JSON object a line, readable with any tool.
//! Bounds: a segment closes at 64 MiB; a topic keeps at most 16 segments (1 GiB), then the eldest goes, counted in
//! [`TopicLog::dropped_segments`]. Writers wait in a queue of 1,024 batches; past that they wait to enter it.

mod append;
mod entry;
mod reader;
mod writer;

pub use entry::Entry;
pub use reader::TopicReader;
pub use writer::TopicLog;

use std::path::{Path, PathBuf};

use protocol::TopicName;

fn topic_dir(root: &Path, topic: &TopicName) -> PathBuf {
    let project = topic.as_str().split('/').nth(1).unwrap_or_default();
    root.join(project).join(topic.topic())
}

/// The segments of a topic's folder, eldest first, with the offset of their first message.
fn segments(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let first = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok());
        if let (Some(first), Some("jsonl")) = (first, path.extension().and_then(|e| e.to_str())) {
            found.push((first, path));
        }
    }
    found.sort();
    Ok(found)
}
