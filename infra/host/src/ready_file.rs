//! The file that says where everything listens.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

/// Beside and renamed: who waits for the file never reads half of it.
pub(crate) fn write(file: &Path, content: &impl Serialize) -> io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, serde_json::to_vec_pretty(content)?)?;
    fs::rename(&beside, file)
}
