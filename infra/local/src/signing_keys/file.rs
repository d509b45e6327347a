//! The file: `{"keys":[{"signsFrom": seconds since the epoch, "pem": PKCS#8}]}`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::ring::{Key, Ring};

#[derive(Serialize, Deserialize)]
struct Content {
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    signs_from: i64,
    pem: String,
}

/// The ring in `path`; `None` when there is no file. A file that others may read is refused: its keys are not secret.
pub(super) fn read(path: &Path) -> Result<Option<Ring>, String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let mode = fs::metadata(path).map_err(|e| e.to_string())?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("its mode is {mode:o}, so others may have read the keys: remove it to have new ones made, or set mode 600"));
    }
    // The reader's message would repeat a part of the file.
    let content: Content = serde_json::from_slice(&text).map_err(|e| format!("line {} is not as it was written", e.line()))?;
    let keys = content.keys.into_iter().map(|e| Key::read(Timestamp::from_secs(e.signs_from), e.pem));
    keys.collect::<Result<Vec<_>, _>>().map(|keys| Some(Ring::new(keys)))
}

/// Writes beside, syncs and renames: a reader, or a crash, never meets half a file.
pub(super) fn write(path: &Path, ring: &Ring) -> Result<(), String> {
    let entry = |key: &Key| Entry { signs_from: key.signs_from().secs(), pem: key.pem().to_owned() };
    let content = Content { keys: ring.keys().iter().map(entry).collect() };
    let text = serde_json::to_vec_pretty(&content).map_err(|e| e.to_string())?;
    replace(path, &text).map_err(|e| e.to_string())
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _absent = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
