//! The packages of server and shim, installed and run by a systemd of their own: hardening, credentials, watchdog, restart, purge.
//! `tests/systemd` says what happens.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::package::build::Target;
use crate::package::deb;
use crate::shell;

/// Set to `off` where no systemd can be started: then nothing is tried, which is said.
const SWITCH: &str = "DRAWBRIDGE_SYSTEMD";

/// Lines of the log that an error quotes.
const LOG_TAIL_LINES: usize = 20;

pub(crate) fn under_systemd(target: Target, programs: &[&str], builds: &Path, folder: &Path) -> Result<()> {
    if std::env::var(SWITCH).is_ok_and(|value| value == "off") {
        println!("{SWITCH}=off: the units were not tried");
        return Ok(());
    }
    let user = shell::output(Command::new("id").arg("--user"))?;
    ensure!(user.trim() == "0", "to start a systemd of its own takes root; {SWITCH}=off leaves it out");
    let scripts = shell::root().join("tests/systemd");
    let tried = builds.join("units");
    if tried.exists() {
        fs::remove_dir_all(&tried)?;
    }
    fs::create_dir_all(&tried)?;
    for program in programs {
        let package = deb::package(program, target, folder)?;
        fs::copy(&package, tried.join(package.file_name().context("a package without a name")?))?;
    }
    fs::copy(scripts.join("scenario.sh"), tried.join("scenario.sh"))?;
    let status = shell::watch(Command::new("sh").arg(scripts.join("boot.sh")).arg(&tried))?;
    let log = fs::read_to_string(tried.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let end = lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n");
    ensure!(status.success(), "the packages do not do under systemd what they should ({status}):\n{end}");
    println!(
        "  installed, started, killed, hung, stopped, purged: {} steps held",
        lines.iter().filter(|line| line.starts_with("+ ")).count()
    );
    Ok(())
}
