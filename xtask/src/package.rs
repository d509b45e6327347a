//! # `cargo xtask package`
//!
//! Promise: what is in `target/package` afterwards was built from the tree as it is, with no path of this machine in it, and
//! `SHA256SUMS` names every file. A tool that cannot be had is an error that names the install command.

mod build;
mod deb;
mod sbom;
mod sums;
mod try_out;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::args::{self, Args};
use crate::{interrupt, shell};
use build::Target;

const HELP: &str = "\
Builds what is shipped, into target/package: the shim as program and as .deb for each kind of device, bills of materials
(CycloneDX) and checksums.

Usage: cargo xtask package [TARGET]… [--try] [--twice]

  TARGET     arm64 (Pi 3 and later, 64 bit), armhf (Pi 2 and later, 32 bit), amd64,
             armv6 (Pi Zero and Pi 1; the program alone, static); all of them when none is named
  --try      plays the demo, an outage in the middle, with each shim that was built, under emulation where it must be
  --twice    builds everything a second time in another folder and fails unless both have the same bytes

What it needs beyond Rust: Debian's cross compilers, `apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
gcc-arm-linux-gnueabihf libc6-dev-armhf-cross`, and the targets, `rustup target add aarch64-unknown-linux-gnu
armv7-unknown-linux-gnueabihf`; to try it, `apt-get install qemu-user-static`. armv6 needs Python 3 with venv and
`rustup component add rust-src`. cargo-deb, cargo-cyclonedx, Zig and cargo-zigbuild are installed into the target folder.";

/// Where everything ends up.
pub(crate) fn folder() -> PathBuf {
    shell::target().join("package")
}

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let (is_tried, is_twice) = (args.has("--try"), args.has("--twice"));
    let mut targets = vec![];
    while let Some(name) = args.word() {
        let target = Target::named(&name);
        targets.push(target.ok_or_else(|| args::usage(format!("no target `{name}`; there are arm64, armhf, amd64, armv6")))?);
    }
    args.finish()?;
    if targets.is_empty() {
        targets = Target::ALL.to_vec();
    }
    interrupt::listen()?;
    let start = Instant::now();
    let folder = folder();
    make_all(&targets, &folder, &shell::target().join("package-build"))?;
    if is_tried {
        shell::cargo(&["build", "-p", "drawbridge"])?;
        targets.iter().try_for_each(|target| try_out::shim(*target, &folder))?;
    }
    if is_twice {
        check_again(&targets, &folder)?;
    }
    println!("{} in {:.0} s", folder.display(), start.elapsed().as_secs_f64());
    print!("{}", fs::read_to_string(folder.join(sums::FILE))?);
    Ok(ExitCode::SUCCESS)
}

fn make_all(targets: &[Target], folder: &std::path::Path, builds: &std::path::Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    for target in targets {
        interrupt::check()?;
        let program = build::shim(*target, builds)?;
        if target.has_debs() {
            deb::make(*target, builds, folder)?;
        }
        fs::copy(&program, folder.join(format!("drawbridge-shim-{}", target.debian)))?;
    }
    sbom::make(folder)?;
    sums::write(folder)
}

fn check_again(targets: &[Target], first: &std::path::Path) -> Result<()> {
    let again = shell::target().join("package-again");
    // An empty folder under another name: neither old objects nor its path may show in what is built.
    let builds = again.join("build");
    if builds.exists() {
        fs::remove_dir_all(&builds)?;
    }
    make_all(targets, &again.join("package"), &builds)?;
    let [one, other] = [first.to_path_buf(), again.join("package")].map(|folder| fs::read_to_string(folder.join(sums::FILE)));
    let (one, other) = (one?, other?);
    ensure!(one == other, "two builds of the same tree differ:\n{one}\n{other}");
    println!("Built twice, in two folders: the same bytes");
    Ok(())
}
