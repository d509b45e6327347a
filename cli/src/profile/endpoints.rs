//! Where each function of an installation answers: on one machine all of them at one URL, in a cloud account each at its own.

use anyhow::Result;
use reqwest::Url;
use serde::Deserialize;

use crate::session;

/// `[endpoints]` of the profile, by the functions' names. What is not named is at `endpoint`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Endpoints {
    pub(crate) device_registry: Option<String>,
    pub(crate) command_relay: Option<String>,
    pub(crate) token_exchange: Option<String>,
    /// For devices; no verb asks it.
    #[serde(rename = "storage-download")]
    _storage_download: Option<String>,
    /// For devices; no verb asks it.
    #[serde(rename = "pubsub-fanout")]
    _pubsub_fanout: Option<String>,
}

/// Where the two functions are that administrators ask.
#[derive(Debug, Clone)]
pub(crate) struct Administered {
    /// `device-registry`.
    pub(crate) registry: Url,
    /// `command-relay`.
    pub(crate) relay: Url,
}

impl Administered {
    /// Each by its own URL, or both by the one that is for all.
    pub(crate) fn read(named: &Endpoints, all: &str) -> Result<Self> {
        let at = |own: &Option<String>| session::url(own.as_deref().unwrap_or(all));
        Ok(Self { registry: at(&named.device_registry)?, relay: at(&named.command_relay)? })
    }

    /// Both, each once.
    pub(crate) fn all(&self) -> Vec<&Url> {
        if self.registry == self.relay { vec![&self.registry] } else { vec![&self.registry, &self.relay] }
    }
}
