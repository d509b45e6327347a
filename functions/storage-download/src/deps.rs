//! What it is given.

use std::sync::Arc;

use domain::ports::{Clock, ObjectStore, Stores};
use domain::status::StatusBook;

/// Largest upload unless the host says otherwise: 256 MiB, an hour of a camera or a year of logs.
pub const DEFAULT_MAX_UPLOAD_BYTES: u64 = 256 * 1024 * 1024;

/// All that the function needs.
#[derive(Clone)]
pub struct Deps {
    /// Where files are.
    pub objects: Arc<dyn ObjectStore>,
    /// Registries with their rules, devices with their keys.
    pub stores: Stores,
    /// Where refusals are noted.
    pub statuses: Arc<StatusBook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Largest upload in bytes.
    pub max_upload_bytes: u64,
}
