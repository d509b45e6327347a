//! The ready file: where everything listens, for whoever started the shim with port 0.

use std::net::SocketAddr;
use std::path::Path;

use serde::Serialize;

/// Every bound address; absent when that intake is off.
#[derive(Debug, Serialize)]
pub(super) struct Ready<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mqtt: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<SocketAddr>,
    pub(super) unix: &'a Path,
    pub(super) pid: u32,
}

impl Ready<'_> {
    /// Puts the file in place, whole.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        crate::files::replace(path, &serde_json::to_vec(self)?)
    }
}
