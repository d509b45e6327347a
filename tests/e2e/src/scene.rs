//! Where a test plays: a folder of its own and the programs under test.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, ensure};
use stage::Binaries;

/// A folder of its own and the programs.
#[derive(Debug)]
pub struct Scene {
    /// The folder.
    pub dir: PathBuf,
    /// The programs.
    pub binaries: Binaries,
}

impl Scene {
    /// Plays the test `name`. The folder with its logs goes away when the test has passed, and stays when it has not.
    ///
    /// # Errors
    /// When the test was not started by `cargo xtask test`, or fails.
    pub fn play(name: &str, test: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let scene = Self::new(name)?;
        test(&scene).with_context(|| format!("the logs are in {}", scene.dir.display()))?;
        fs::remove_dir_all(&scene.dir).with_context(|| format!("removing {}", scene.dir.display()))
    }

    fn new(name: &str) -> Result<Self> {
        let binaries = Binaries::from_env()?;
        let target = binaries.drawbridge.ancestors().nth(2).context("the programs are not in a target folder")?;
        // The name counts too: a test binary may run several scenes in one process.
        let dir = target.join("tmp").join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        Ok(Self { dir, binaries })
    }

    /// A folder within the scene.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        Ok(dir)
    }
}

/// What `cargo xtask test` says in the environment.
///
/// # Errors
/// When the test was started without it.
pub fn setting(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: run this test by `cargo xtask test [FILTER]`"))
}

/// Waits until `is_so`, at most `limit`.
///
/// # Errors
/// When time is up, or `is_so` fails.
pub fn wait_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so()? {
        ensure!(start.elapsed() < limit, "{what}: not within {} s", limit.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails; with what it printed.
pub fn run_named(name: &str, command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("starting {name}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{name} ({}):\n{}{}", output.status, text(&output.stdout), text(&output.stderr));
    Ok(output)
}
