//! Zips for AWS Lambda's `provided.al2023`: the program as `bootstrap`, and the roots it trusts.
//!
//! The same bytes wherever they are made: fixed order, dates, and permissions, no owners.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use super::build::{self, Target};
use crate::shell;

/// The largest zip, in bytes: 4 MB, a little above what it is (`docs/benchmarks.md` says by what). A cold start fetches it first.
const MAX_ZIP_BYTES: u64 = 4_000_000;
/// In the order in which they stand in the zip, with their permissions.
const CONTENT: [(&str, u32); 2] = [("bootstrap", 0o755), ("roots.pem", 0o644)];

/// Makes the zip of `program`, which was built for `target`.
pub(crate) fn make(target: Target, program: &Path, builds: &Path, folder: &Path) -> Result<()> {
    ensure!(shell::find("zip").is_some(), "zip is needed: `apt-get install zip`");
    let staged = builds.join(format!("lambda-{}", target.debian));
    fs::create_dir_all(&staged)?;
    let date = UNIX_EPOCH + Duration::from_secs(build::epoch()?.parse().context("the time of the last commit is no number")?);
    for ((name, mode), from) in CONTENT.into_iter().zip([program, &roots()]) {
        let to = staged.join(name);
        fs::copy(from, &to).with_context(|| format!("copying {}", from.display()))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        fs::File::options().append(true).open(&to)?.set_modified(date)?;
    }
    let zip = zip(target, folder);
    let mut command = Command::new("zip");
    // -X: no owners. Zips have local times.
    command.current_dir(&staged).args(["-q", "-X", "-9"]).arg(&zip).args(CONTENT.map(|(name, _)| name)).env("TZ", "UTC");
    shell::run(&mut command)?;
    let bytes = fs::metadata(&zip)?.len();
    ensure!(bytes <= MAX_ZIP_BYTES, "{} has {bytes} bytes; the limit is {MAX_ZIP_BYTES}", zip.display());
    Ok(())
}

/// Where the zip for `target` is.
pub(crate) fn zip(target: Target, folder: &Path) -> PathBuf {
    folder.join(format!("drawbridge-function-lambda-{}.zip", name_at_aws(target)))
}

/// Roots that Google's and Amazon's services are known by.
pub(crate) fn roots() -> PathBuf {
    shell::root().join("infra/images/roots.pem")
}

fn name_at_aws(target: Target) -> &'static str {
    if target.debian == "amd64" { "x86_64" } else { "arm64" }
}
