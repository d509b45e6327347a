//! Where the programs are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// The two programs under test.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `drawbridge`
    pub drawbridge: PathBuf,
    /// `drawbridge-shim`
    pub shim: PathBuf,
}

impl Binaries {
    /// Names of the environment variables by which `cargo xtask test` tells the tests what it built.
    pub const VARIABLES: [&str; 2] = ["DRAWBRIDGE_BIN", "DRAWBRIDGE_SHIM_BIN"];

    /// The programs that cargo put into `folder` (`target/debug`).
    ///
    /// # Errors
    /// When one is missing.
    pub fn built_in(folder: &Path) -> Result<Self> {
        let found = Self { drawbridge: folder.join("drawbridge"), shim: folder.join("drawbridge-shim") };
        for binary in [&found.drawbridge, &found.shim] {
            ensure!(binary.is_file(), "{} is missing: run `cargo build -p drawbridge -p drawbridge-shim`", binary.display());
        }
        Ok(found)
    }

    /// The programs that `cargo xtask test` built.
    ///
    /// # Errors
    /// When the test was started without it.
    pub fn from_env() -> Result<Self> {
        let [drawbridge, shim] = Self::VARIABLES.map(|name| {
            let hint = || format!("{name} is not set: run this test by `cargo xtask test [FILTER]`, which builds the programs first");
            env::var_os(name).map(PathBuf::from).with_context(hint)
        });
        Ok(Self { drawbridge: drawbridge?, shim: shim? })
    }
}
