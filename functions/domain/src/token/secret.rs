//! Texts that are never printed.

use std::fmt;
use std::sync::Arc;

/// A text that opens something. Prints its length alone (invariant 7). Copies share it: a cached token has a kilobyte and more.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }
    /// The text itself, for whoever sends or checks it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
