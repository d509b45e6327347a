//! What was built for other machines, tried here: the demo with its outage, under user-mode emulation where it must be.

mod containerfile;
pub(crate) mod image;
pub(crate) mod units;
pub(crate) mod zip;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::build::Target;
use super::deb;
use crate::shell;

/// Readings that the shim sends, and seconds that the line is cut.
const DEMO: [&str; 5] = ["demo", "--readings", "300", "--cut", "1"];

/// The two programs of a reading's way, and the variable that names each to the demo.
const PROGRAMS: [(&str, &str); 2] = [("drawbridge", "DRAWBRIDGE_BIN"), ("drawbridge-shim", "DRAWBRIDGE_SHIM_BIN")];

/// Sends readings through `program` for `target`, as its package installs it, an outage in the middle; the other program is the
/// one of the tests. Fails unless all arrive.
pub(crate) fn in_demo(program: &str, target: Target, builds: &Path, folder: &Path) -> Result<()> {
    let packaged = match target.has_debs() {
        true => deb::unpack(program, target, builds, folder)?.join("usr/bin").join(program),
        false => folder.join(format!("{program}-{}", target.debian)),
    };
    let mut demo = Command::new(std::env::current_exe()?);
    demo.args(DEMO);
    for (name, variable) in PROGRAMS {
        let run = if name == program { wrapped(target, &packaged, builds)? } else { shell::target().join("debug").join(name) };
        demo.env(variable, run);
    }
    shell::run(&mut demo).with_context(|| format!("{program} for {} does not do what it should", target.debian))
}

/// Something to start that runs `program` on this machine.
fn wrapped(target: Target, program: &Path, builds: &Path) -> Result<PathBuf> {
    let name = program.file_name().and_then(|name| name.to_str()).context("a program without a name")?;
    let wrapper = builds.join(format!("run-{name}-{}", target.debian));
    let emulator = target.emulator.unwrap_or_default();
    fs::write(&wrapper, format!("#!/bin/sh\nexec {emulator} {} \"$@\"\n", program.display()))
        .with_context(|| format!("writing {}", wrapper.display()))?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(wrapper)
}
