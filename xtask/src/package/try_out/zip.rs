//! The zip as Lambda runs it: the end-to-end tests of Lambda, with its `bootstrap` in place of the program of the tests, on an
//! emulator of Lambda's runtime API, with moto for AWS and Google's emulator for Pub/Sub.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::wrapped;
use crate::package::build::Target;
use crate::package::lambda;
use crate::{shell, test};

/// The suite of `tests/e2e`.
const SUITE: &str = "lambda";

pub(crate) fn suite(target: Target, builds: &Path, folder: &Path) -> Result<()> {
    let content = builds.join(format!("zip-{}", target.debian));
    if content.exists() {
        fs::remove_dir_all(&content)?;
    }
    shell::run(Command::new("unzip").args(["-q", "-d"]).args([&content, &lambda::zip(target, folder)]))?;
    let program = wrapped(target, &content.join("bootstrap"), builds)?;
    refuses_what_it_has_not(&program)?;
    let done = test::end_to_end_suite(SUITE, &[("DRAWBRIDGE_TEST_FUNCTION", program.into())]);
    done.with_context(|| format!("the zip for {} does not do what it should", target.debian))
}

/// What the build for Lambda leaves out is refused by its name, not tried.
fn refuses_what_it_has_not(program: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.envs([("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"), ("AWS_REGION", "eu-central-1"), ("DRAWBRIDGE_FUNCTIONS", "command-relay")]);
    command.envs([("DRAWBRIDGE_RECORDS", "dynamodb://tried"), ("DRAWBRIDGE_ADMIN_TOKEN", "tried")]);
    let ended = command.env("DRAWBRIDGE_COMMANDS", "nats://127.0.0.1:9").output().context("running the zip's program")?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let is_refused = ended.status.code() == Some(64) && said.contains("commands by `nats:` are left out of the build for AWS Lambda");
    ensure!(is_refused, "with a bus that the zip leaves out, it ended with {}: {said}", ended.status);
    Ok(())
}
