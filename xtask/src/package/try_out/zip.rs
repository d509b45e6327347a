//! The zip as Lambda runs it: the end-to-end tests of Lambda, with its `bootstrap` in place of the program of the tests, on an
//! emulator of Lambda's runtime API, with moto for AWS and Google's emulator for Pub/Sub.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};

use super::wrapped;
use crate::package::build::Target;
use crate::package::lambda;
use crate::{shell, test};

/// The suite of `tests/e2e`.
const SUITE: &str = "lambda";
/// What a process that aborts ends with (signal.h).
const SIGABRT: i32 = 6;

pub(crate) fn suite(target: Target, builds: &Path, folder: &Path) -> Result<()> {
    let content = builds.join(format!("zip-{}", target.debian));
    if content.exists() {
        fs::remove_dir_all(&content)?;
    }
    shell::run(Command::new("unzip").args(["-q", "-d"]).args([&content, &lambda::zip(target, folder)]))?;
    let program = wrapped(target, &content.join("bootstrap"), builds)?;
    refuses_what_it_has_not(&program)?;
    ends_at_a_panic(&program)?;
    let done = test::end_to_end_suite(SUITE, &[("DRAWBRIDGE_TEST_FUNCTION", program.into())]);
    done.with_context(|| format!("the zip for {} does not do what it should", target.debian))
}

/// What the build for Lambda leaves out is refused by its name, not tried.
fn refuses_what_it_has_not(program: &Path) -> Result<()> {
    let (ended, said) = tried(program, "nats://127.0.0.1:9")?;
    let is_refused = ended.status.code() == Some(64) && said.contains("commands by `nats:` are left out of the build for AWS Lambda");
    ensure!(is_refused, "with a bus that the zip leaves out, it ended with {}: {said}", ended.status);
    Ok(())
}

/// A panic is one line in the log, and the process ends by it. Lambda's own runtime library panics where no function has a name.
fn ends_at_a_panic(program: &Path) -> Result<()> {
    let (ended, said) = tried(program, "awsiot:")?;
    let is_one_line = said.lines().filter(|line| line.starts_with('{') && line.contains("panicked at")).count() == 1;
    ensure!(ended.status.signal() == Some(SIGABRT) && is_one_line, "at a panic it ended with {}: {said}", ended.status);
    Ok(())
}

/// What it does with commands by `commands` where there is no Lambda, and what it says of it.
fn tried(program: &Path, commands: &str) -> Result<(Output, String)> {
    let mut command = Command::new(program);
    command.envs([("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"), ("AWS_REGION", "eu-central-1"), ("DRAWBRIDGE_FUNCTIONS", "command-relay")]);
    command.envs([("AWS_ACCESS_KEY_ID", "tried"), ("AWS_SECRET_ACCESS_KEY", "tried"), ("DRAWBRIDGE_LOG_FORMAT", "aws")]);
    command.envs([("DRAWBRIDGE_RECORDS", "dynamodb://tried"), ("DRAWBRIDGE_ADMIN_TOKEN", "tried"), ("DRAWBRIDGE_COMMANDS", commands)]);
    let ended = command.env_remove("AWS_LAMBDA_FUNCTION_NAME").output().context("running the zip's program")?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    Ok((ended, said))
}
