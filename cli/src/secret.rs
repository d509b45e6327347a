//! A text that does not print.

use std::fmt;

use reqwest::header::{HeaderValue, InvalidHeaderValue};
use serde::Deserialize;

/// The admin token. Leaves this type as a header only.
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
