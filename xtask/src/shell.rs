//! Runs the tools of the trade and says what it runs.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::interrupt;

/// How long a tool may take to end when it is asked to; nextest gives its tests ten seconds.
const STOP_LIMIT: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The root of the work tree.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder, as cargo itself finds it.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program on the path, or in the folder of tools that we install.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let own = target().join("tools/bin");
    env::split_paths(&folders).chain([own]).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The cargo that runs us, in the root.
pub(crate) fn cargo_command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs cargo and shows what it prints.
pub(crate) fn cargo(args: &[&str]) -> Result<()> {
    run(cargo_command().args(args))
}

/// Runs a command and shows what it prints. A signal to stop ends it, and is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    interrupt::check()?;
    let line = line_of(command);
    let status = watch(command)?;
    interrupt::check()?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// Runs a command that may take long, shows what it prints, and hands a signal to stop on to it and to all that it started.
pub(crate) fn watch(command: &mut Command) -> Result<ExitStatus> {
    // A group of its own, to end it whole: the signal may come to us alone. A group in the background may not read from the terminal.
    command.process_group(0).stdin(Stdio::null());
    let child = command.spawn().with_context(|| format!("running `{}`", line_of(command)))?;
    until_ended(child, interrupt::came)
}

/// Waits until the leader of a group ends; once it `is_to_stop`, asks the group to end, and after a while makes it.
fn until_ended(mut child: Child, is_to_stop: impl Fn() -> bool) -> Result<ExitStatus> {
    let group = format!("-{}", child.id());
    let mut asked_to_stop = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match asked_to_stop {
            None if is_to_stop() => {
                stage::signal("TERM", &group)?;
                asked_to_stop = Some(Instant::now());
            }
            Some(since) if since.elapsed() > STOP_LIMIT => stage::signal("KILL", &group)?,
            _ => {}
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Runs a command and returns what it prints to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command.output().with_context(|| format!("running `{line}`"))?;
    ensure!(output.status.success(), "`{line}` failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn line_of(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    /// Whether a process runs; one that ended and that nobody waited for does not.
    fn runs(pid: &str) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn a_signal_to_us_alone_ends_a_command_and_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let started = folder.path().join("started");
        let mut shell = Command::new("sh");
        shell.process_group(0).args(["-c", "sleep 60 & echo $! > started.new; mv started.new started; wait"]).current_dir(folder.path());
        let start = Instant::now();
        let status = until_ended(shell.spawn().unwrap(), || started.exists()).unwrap();
        assert!(!status.success() && start.elapsed() < STOP_LIMIT, "{status} after {:?}", start.elapsed());
        let grandchild = fs::read_to_string(started).unwrap();
        while runs(&grandchild) {
            assert!(start.elapsed() < STOP_LIMIT, "{grandchild} still runs");
            thread::sleep(LOOK_EVERY);
        }
    }
}
