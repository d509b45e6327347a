//! `drawbridge-shim doctor`: checks step by step and stops at the first that fails, with what to do next.

use std::path::Path;
use std::process::ExitCode;

use crate::cli;

/// `drawbridge-shim doctor`.
#[must_use]
pub fn main(_config: &Path) -> ExitCode {
    cli::fail(1, &"not yet")
}
