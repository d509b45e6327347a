//! What was built for other machines, tried here: the demo with its outage, the shim under user-mode emulation.

pub(crate) mod function;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::build::Target;
use crate::shell;

/// Readings that the shim sends, and seconds that the line is cut.
const DEMO: [&str; 5] = ["demo", "--readings", "300", "--cut", "1"];

/// Sends readings through the shim for `target`, an outage in the middle; fails unless all arrive.
pub(crate) fn shim(target: Target, folder: &Path) -> Result<()> {
    let program = folder.join(format!("drawbridge-shim-{}", target.debian));
    let wrapper = shell::target().join("package-build").join(format!("run-shim-{}", target.debian));
    let runs = match target.emulator {
        Some(emulator) => {
            let name = emulator.split(' ').next().unwrap_or(emulator);
            ensure!(shell::find(name).is_some(), "{name} is needed to try it: `apt-get install qemu-user-static`");
            format!("{emulator} {}", program.display())
        }
        None => program.display().to_string(),
    };
    fs::write(&wrapper, format!("#!/bin/sh\nexec {runs} \"$@\"\n")).with_context(|| format!("writing {}", wrapper.display()))?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let mut demo = Command::new(std::env::current_exe()?);
    demo.args(DEMO).env("DRAWBRIDGE_BIN", shell::target().join("debug/drawbridge")).env("DRAWBRIDGE_SHIM_BIN", &wrapper);
    shell::run(&mut demo).with_context(|| format!("the shim for {} does not do what it should", target.debian))
}
