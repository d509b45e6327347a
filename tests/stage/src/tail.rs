//! Follows a topic of the local topic log as anybody would: `drawbridge tail`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::{Cloud, Process};

/// One message as `drawbridge tail --json` prints it.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The payload.
    pub data: Vec<u8>,
    /// The attributes.
    pub attributes: Value,
}

impl Delivered {
    /// Reads one line.
    ///
    /// # Errors
    /// When it is not such a line.
    pub fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        let data =
            value["data"].as_str().and_then(|text| STANDARD.decode(text).ok()).with_context(|| format!("no base64 `data`: {line}"))?;
        Ok(Self { data, attributes: value["attributes"].clone() })
    }

    /// An attribute; empty when absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes[name].as_str().unwrap_or_default()
    }
}

/// A running `drawbridge tail`.
#[derive(Debug)]
pub struct Tail {
    process: Process,
    lines: Receiver<String>,
}

impl Tail {
    /// Follows `topic` of the cloud's project from its beginning.
    ///
    /// # Errors
    /// When it does not start.
    pub fn follow(drawbridge: &Path, cloud: &Cloud, topic: &str, log: &Path) -> Result<Self> {
        Self::follow_in(drawbridge, &cloud.data, &format!("projects/{}/topics/{topic}", cloud.project), log)
    }

    /// Follows `topic`, by its full name, from its beginning; the topic log is `data/topics`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn follow_in(drawbridge: &Path, data: &Path, topic: &str, log: &Path) -> Result<Self> {
        let mut command = Command::new(drawbridge);
        command.args(["tail", topic, "--json", "--data"]).arg(data);
        let mut process = Process::start_piped("drawbridge tail", &mut command, log)?;
        let out = process.child_mut().stdout.take().context("no standard output")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            // Ends with the process, or when nobody wants more.
            BufReader::new(out).lines().map_while(Result::ok).take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
        });
        Ok(Self { process, lines })
    }

    /// The messages that arrived, waiting at most `patience` for the first.
    ///
    /// # Errors
    /// When the process has ended or printed something else.
    pub fn take(&mut self, patience: Duration) -> Result<Vec<Delivered>> {
        let until = Instant::now() + patience;
        let mut found = Vec::new();
        loop {
            let left = if found.is_empty() { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            match self.lines.recv_timeout(left) {
                Ok(line) => found.push(Delivered::parse(&line)?),
                Err(RecvTimeoutError::Timeout) => return Ok(found),
                Err(RecvTimeoutError::Disconnected) if !found.is_empty() => return Ok(found),
                Err(RecvTimeoutError::Disconnected) => {
                    self.process.check_running()?;
                    return Ok(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_attributes() {
        let line = r#"{"topic":"t","offset":3,"data":"MTI=","attributes":{"readingId":"1-12"}}"#;
        let delivered = Delivered::parse(line).unwrap();
        assert_eq!((delivered.data.as_slice(), delivered.attribute("readingId"), delivered.attribute("none")), (&b"12"[..], "1-12", ""));
        assert!(Delivered::parse("{}").unwrap_err().to_string().contains("no base64"));
    }
}
