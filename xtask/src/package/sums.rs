//! Checksums, as sha256sum(1) writes and checks them.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::shell;

/// Where they stand.
pub(crate) const FILE: &str = "SHA256SUMS";

/// Names every file of `folder` with its checksum, in order.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let sums =
        shell::output(Command::new("sha256sum").args(names(folder)?).current_dir(folder)).context("sha256sum is Debian's coreutils")?;
    fs::write(folder.join(FILE), sums).with_context(|| format!("writing {FILE}"))
}

/// Every file of `folder` but the checksums, in order.
pub(crate) fn names(folder: &Path) -> Result<Vec<OsString>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).filter(|name| name != FILE).collect();
    names.sort();
    Ok(names)
}
