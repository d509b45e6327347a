//! Bytes to send: given as text, or from a file.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::usage;

/// The bytes in base64. The file `-` is the standard input.
pub(crate) fn encoded(data: Option<&str>, file: Option<&Path>) -> Result<String> {
    let bytes = match file {
        None => data.unwrap_or_default().as_bytes().to_vec(),
        Some(path) if path == Path::new("-") => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            bytes
        }
        Some(path) => fs::read(path).map_err(|e| usage(format!("file {}: {e}", path.display())))?,
    };
    Ok(STANDARD.encode(bytes))
}
