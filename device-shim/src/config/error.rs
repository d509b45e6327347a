//! Why a configuration was refused.

use std::path::PathBuf;

/// Why a configuration was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path} cannot be read: {problem}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Not TOML.
    #[error("the configuration is not TOML: {0}")]
    Syntax(String),
    /// A key we do not know.
    #[error("key `{key}` is unknown; allowed here: {allowed}")]
    Unknown {
        /// The key with its sections.
        key: String,
        /// The keys of that section.
        allowed: String,
    },
    /// A key that must be there.
    #[error("key `{key}` is missing: it must be {allowed}")]
    Missing {
        /// The key with its sections.
        key: String,
        /// What is allowed.
        allowed: String,
    },
    /// The device's token would cross a network in clear.
    #[error(
        "key `{key}` is \"{value}\", without TLS: whoever is on the way reads the device's token and can speak for it; use {secure}, or in a network of your own set `allow_unencrypted = true`"
    )]
    Unencrypted {
        /// The key.
        key: &'static str,
        /// The address, cut at 100 characters.
        value: String,
        /// What has TLS.
        secure: &'static str,
    },
    /// A value that is not allowed.
    #[error("key `{key}` is {value}: it must be {allowed}")]
    Bad {
        /// The key with its sections.
        key: String,
        /// The value as written, cut at 100 characters.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}
