//! The admin token: given, or made once and kept in the data folder with mode 0600.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use edge::AdminToken;
use rand::TryRngCore as _;

/// The token, and the text to print if it was made just now.
pub struct Found {
    /// The token.
    pub token: AdminToken,
    /// Set when the token is new and its owner has not seen it yet.
    pub made: Option<String>,
}

/// 32 random bytes: as strong as the P-256 keys of the devices, twice over.
const TOKEN_BYTES: usize = 32;

/// The token kept in `file`, made if the file is absent. Readable by its owner alone.
pub fn keep(file: &Path) -> io::Result<Found> {
    match fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => return Ok(Found { token: AdminToken::new(text.trim()), made: None }),
        Ok(_) => fs::remove_file(file)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let mut bytes = [0u8; TOKEN_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(io::Error::other)?;
    let text: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    Ok(Found { token: AdminToken::new(text.clone()), made: Some(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once() {
        let dir = std::env::temp_dir().join(format!("drawbridge-secret-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("admin-token");
        let made = keep(&file).unwrap().made.unwrap();
        assert_eq!(made.len(), 2 * TOKEN_BYTES);
        assert!(keep(&file).unwrap().made.is_none());
        assert_eq!(fs::read_to_string(&file).unwrap(), made);
        fs::remove_dir_all(&dir).unwrap();
    }
}
