//! A process that ends with its value.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a process may take to end after SIGTERM before it is killed.
pub const GRACE: Duration = Duration::from_secs(5);

const POLL: Duration = Duration::from_millis(10);

/// Lines of its log that an error quotes.
const LOG_TAIL_LINES: usize = 12;

/// A running process, its output in a file. Dropping it stops it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, its standard output and error appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program does not start.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = append(log)?;
        let err = out.try_clone()?;
        Self::spawn(name, command.stdin(Stdio::null()).stdout(out).stderr(err), log)
    }

    /// Starts `command` with its standard output as a pipe, its standard error appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program does not start.
    pub fn start_piped(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let err = append(log)?;
        Self::spawn(name, command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(err), log)
    }

    /// As [`Process::start_piped`], with its standard input as a pipe too.
    ///
    /// # Errors
    /// When the log cannot be opened or the program does not start.
    pub fn start_conversing(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let err = append(log)?;
        Self::spawn(name, command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(err), log)
    }

    fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("starting {name}: {}", command.get_program().display()))?;
        Ok(Self { name: name.into(), child, log: log.into() })
    }

    /// The process, for what it is asked elsewhere.
    pub fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// `Ok` while it runs.
    ///
    /// # Errors
    /// When it has ended, with the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended ({status}); the end of {}:\n{}", self.name, self.log.display(), tail_of(&self.log)),
        }
    }

    /// Waits until `look` finds what it looks for, at most `limit`; the process has to be running all the while.
    ///
    /// # Errors
    /// When the process ends, `look` fails, or time is up; with the end of the log.
    pub fn wait_for<T>(&mut self, what: &str, limit: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let start = Instant::now();
        loop {
            self.check_running()?;
            if let Some(found) = look()? {
                return Ok(found);
            }
            if start.elapsed() > limit {
                let (name, log) = (&self.name, self.log.display());
                bail!("{name}: no {what} within {} s; the end of {log}:\n{}", limit.as_secs(), tail_of(&self.log));
            }
            thread::sleep(POLL);
        }
    }

    /// `kill -9`: no farewell, no flush. Waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        Ok(self.child.wait()?)
    }

    /// SIGTERM, and SIGKILL after [`GRACE`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        signal("TERM", &self.pid().to_string())?;
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
        self.kill()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop().is_err() {
            // Already gone, or not ours to end: nothing more can be done here.
            let _gone = self.child.kill();
        }
    }
}

/// Sends a signal by the system's `kill`, to a process (`123`) or to a group (`-123`).
///
/// # Errors
/// When `kill` cannot be run.
pub fn signal(name: &str, target: &str) -> Result<()> {
    let sent = Command::new("kill").args(["-s", name, "--", target]).stderr(Stdio::null()).status();
    sent.map(drop).context("running kill")
}

/// The last lines of a log, for an error.
pub fn tail_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

fn append(log: &Path) -> Result<File> {
    File::options().create(true).append(true).open(log).with_context(|| format!("opening the log {}", log.display()))
}
