//! Debian packages of the shim; what is in them stands in device-shim/Cargo.toml, under `package.metadata.deb`.

use std::path::Path;

use anyhow::Result;

use super::build::{self, Target};
use crate::shell;

/// Puts what was built for `target` into a package.
pub(crate) fn make(cargo_deb: &Path, target: Target, builds: &Path, folder: &Path) -> Result<()> {
    let mut command = std::process::Command::new(cargo_deb);
    command.current_dir(shell::root()).args(["--package", "drawbridge-shim", "--no-build", "--no-strip", "--target", target.triple]);
    command.arg("--output").arg(folder).env("CARGO_TARGET_DIR", builds).env("SOURCE_DATE_EPOCH", build::epoch()?);
    shell::run(&mut command)
}
