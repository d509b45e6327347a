//! Runs the tools of the trade and says what it runs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
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

/// Runs a command and shows what it prints.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = command.status().with_context(|| format!("running `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// Runs a command that may take long, shows what it prints, and hands a signal to stop on to it.
pub(crate) fn watch(command: &mut Command) -> Result<ExitStatus> {
    let mut child = command.spawn().with_context(|| format!("running `{}`", line_of(command)))?;
    let mut asked_to_stop = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match asked_to_stop {
            None if interrupt::came() => {
                stage::signal("TERM", &child.id().to_string())?;
                asked_to_stop = Some(Instant::now());
            }
            Some(since) if since.elapsed() > STOP_LIMIT => child.kill()?,
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
