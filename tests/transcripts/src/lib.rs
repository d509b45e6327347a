//! # Transcripts
//!
//! A transcript is a text file with requests and the replies to them. It is played in every home of the functions, and what
//! comes back is written down again: the text has to be the file, byte for byte. README.md has the format.
//!
//! | file | holds |
//! | --- | --- |
//! | `transcript` | a file: its head, its exchanges |
//! | `values` | what differs from run to run, by name |
//! | `message` | requests and replies, as text and on a socket |
//! | `play` | a file in a home |
//! | `home` | the homes |
//! | `devices` | the sessions that take commands |
//! | `signed` | tokens of devices |

pub mod devices;
pub mod home;
pub mod message;
pub mod play;
pub mod signed;
pub mod transcript;
pub mod values;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

pub use home::Home;
pub use play::play;
pub use transcript::Transcript;

/// The folder of the files.
pub fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Every file, sorted by folder and name.
///
/// # Errors
/// When one cannot be read.
pub fn all() -> Result<Vec<Transcript>> {
    let mut paths = Vec::new();
    for function in fs::read_dir(golden()).context("the folder of the transcripts")? {
        paths.extend(fs::read_dir(function?.path())?.collect::<Result<Vec<_>, _>>()?.into_iter().map(|file| file.path()));
    }
    paths.sort();
    ensure!(!paths.is_empty(), "there are no transcripts in {}", golden().display());
    paths.iter().map(|path| Transcript::read(path)).collect()
}
