//! The zip as Lambda runs it: the end-to-end tests of Lambda, with its `bootstrap` in place of the program of the tests, on an
//! emulator of Lambda's runtime API, with moto for AWS and Google's emulator for Pub/Sub.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

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
    let done = test::end_to_end_suite(SUITE, &[("DRAWBRIDGE_TEST_FUNCTION", program.into())]);
    done.with_context(|| format!("the zip for {} does not do what it should", target.debian))
}
