//! A text that does not print.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use reqwest::header::{HeaderValue, InvalidHeaderValue};
use serde::Deserialize;

/// The admin token. Leaves this type as a header, or into a file that its owner alone may read.
#[derive(Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) struct Secret(String);

impl Secret {
    /// `authorization: Bearer …`, marked so that no log of the client shows it.
    pub(crate) fn bearer(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        let mut header = HeaderValue::try_from(format!("Bearer {}", self.0))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Writes it to a file that its owner alone may read. An older one goes first: its rights may be others.
    pub(crate) fn keep(&self, file: &Path) -> io::Result<()> {
        match std::fs::remove_file(file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut open = OpenOptions::new();
        writeln!(open.write(true).create_new(true).mode(0o600).open(file)?, "{}", self.0)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.trim().to_owned())
    }
}

impl TryFrom<toml::Value> for Secret {
    type Error = &'static str;
    /// serde's own error would quote the value.
    fn try_from(value: toml::Value) -> Result<Self, Self::Error> {
        value.as_str().map(|text| text.to_owned().into()).ok_or("it must be a text in quotes")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
