//! # `cargo xtask package`
//!
//! Promise: what is in `target/package` afterwards was built from the tree as it is, with no path of this machine in it, and
//! `SHA256SUMS` names every file. A tool that cannot be had is an error that names the install command.

mod build;
mod deb;
mod image;
mod lambda;
mod needs;
mod sbom;
mod sums;
mod try_out;
mod wanted;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::args::Args;
use crate::tools::CargoTool;
use crate::{interrupt, shell};
pub(crate) use build::FOR_LAMBDA;
use build::Target;
use wanted::{Part, Wanted};

const HELP: &str = "\
Builds what is shipped, into target/package: the shim as program and as .deb for each kind of device, the server and command line
as .deb, the functions as zips for AWS Lambda and as a container image, bills of materials (CycloneDX) and checksums.

Usage: cargo xtask package [shim|server|lambda|image]… [TARGET]… [--try] [--twice] [--install]
       cargo xtask package --ci [--install]

  shim, server, lambda, image   what is built; all when none is named. All but the shim are for arm64 and amd64 alone
  TARGET     arm64 (Pi 3 and later, 64 bit), armhf (Pi 2 and later, 32 bit), amd64,
             armv6 (Pi Zero and Pi 1; the program alone, static); all of them when none is named
  --try      plays the demo, an outage in the middle, with each shim and server out of its package, under emulation where it must
             be; with both for this machine, installs them beside a systemd of their own (as root; DRAWBRIDGE_SYSTEMD=off waives
             it); runs the tests of Lambda with the zip; starts and stops the image
  --twice    builds everything a second time in another folder and fails unless both have the same bytes
  --ci       what CI has time for: shims for armv6 and arm64, zip and image for amd64; shim and server for this machine as .deb,
             with the programs of the tests in them; all of them tried; the shim for arm64 built twice
  --install  installs what is missing, by apt-get (as root) and rustup; without it, these commands are printed

What it needs beyond Rust is Debian's cross compilers, zip and umoci, for the zips and armv6 the sources of Rust's standard
library, for armv6 Python 3, to try it qemu-user-static and skopeo: it says by which commands to install what it does not find.
cargo-deb, cargo-cyclonedx, Zig and cargo-zigbuild are installed into the target folder.";

/// What becomes a .deb.
const DEBS: [(Part, &str); 2] = [(Part::Shim, "drawbridge-shim"), (Part::Server, "drawbridge")];

/// Where everything ends up.
pub(crate) fn folder() -> PathBuf {
    shell::target().join("package")
}

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let is_ci = args.has("--ci");
    let (is_tried, is_twice, may_install) = (args.has("--try") || is_ci, args.has("--twice"), args.has("--install"));
    let wanted = if is_ci { Wanted::in_ci()? } else { Wanted::of(&mut args)? };
    args.finish()?;
    interrupt::listen()?;
    needs::meet(&wanted, is_tried, may_install)?;
    let start = Instant::now();
    let folder = folder();
    let builds = shell::target().join("package-build");
    make_all(&wanted, &folder, &builds)?;
    if is_tried {
        try_all(&wanted, &folder, &builds)?;
    }
    if is_twice {
        check_again(&wanted, &folder)?;
    } else if is_ci {
        check_again(&Wanted::twice_in_ci()?, &folder)?;
    }
    println!("{} in {:.0} s", folder.display(), start.elapsed().as_secs_f64());
    print!("{}", fs::read_to_string(folder.join(sums::FILE))?);
    Ok(ExitCode::SUCCESS)
}

fn make_all(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    // Built beside the programs when they are missing: minutes, and the programs' last steps leave a core free.
    let tools = [CargoTool::begin("cargo-deb")?, CargoTool::begin("cargo-cyclonedx")?];
    empty(folder)?;
    // Beside each other: they have profiles of their own and so do not wait for one another, and what the last step of one leaves of
    // the machine the other takes.
    thread::scope(|scope| {
        let functions = scope.spawn(|| make_functions(wanted, folder, builds));
        let programs = make_programs(wanted, folder, builds);
        programs.and(functions.join().map_err(|_| anyhow!("the making of the functions ended early"))?)
    })?;
    let [cargo_deb, cyclonedx] = tools;
    let cargo_deb = cargo_deb.finish()?;
    for (part, program) in DEBS {
        for target in wanted.targets(part).filter(|target| target.has_debs()) {
            deb::make(&cargo_deb, program, target, builds, folder)?;
        }
    }
    sbom::make(&cyclonedx.finish()?, folder)?;
    sums::write(folder)
}

fn make_programs(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    for target in wanted.targets(Part::Shim) {
        let program = timed("drawbridge-shim", target, || build::shim(target, builds))?;
        fs::copy(&program, folder.join(format!("drawbridge-shim-{}", target.debian)))?;
    }
    for target in wanted.targets(Part::Server) {
        timed("drawbridge", target, || build::server(target, builds))?;
    }
    Ok(())
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// Says how long it took: what CI has time for is chosen by it.
fn timed<T>(what: &str, target: Target, work: impl FnOnce() -> Result<T>) -> Result<T> {
    interrupt::check()?;
    let start = Instant::now();
    println!("{what} for {}", target.debian);
    let done = work()?;
    println!("{what} for {}: {:.0} s", target.debian, start.elapsed().as_secs_f64());
    Ok(done)
}

/// The functions as they are shipped, for where this runs: in the image, and on Lambda.
pub(crate) fn functions_of_this_machine() -> Result<[PathBuf; 2]> {
    let target = Target::of_this_machine().context("nothing is shipped for this machine")?;
    let builds = shell::target().join("package-build");
    let kept = |name: &str, built: PathBuf| -> Result<PathBuf> {
        let kept = builds.join(name);
        fs::copy(built, &kept)?;
        Ok(kept)
    };
    let image = kept("drawbridge-function-image", build::function(target, &builds)?)?;
    Ok([image, kept("drawbridge-function-lambda", build::function_for_lambda(target, &builds)?)?])
}

fn make_functions(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    for target in wanted.targets(Part::Lambda) {
        let program = timed("drawbridge-function in a zip", target, || build::function_for_lambda(target, builds))?;
        lambda::make(target, &program, builds, folder)?;
    }
    let machines: Vec<_> = wanted.targets(Part::Image).collect();
    for target in &machines {
        let program = timed("drawbridge-function in an image", *target, || build::function(*target, builds))?;
        fs::copy(&program, folder.join(format!("drawbridge-function-{}", target.debian)))?;
    }
    if machines.is_empty() {
        return Ok(());
    }
    fs::copy(lambda::roots(), folder.join("roots.pem"))?;
    image::make(&machines, builds, folder)
}

fn try_all(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    if wanted.has(&DEBS.map(|(part, _)| part)) {
        shell::cargo(&["build", "-p", "drawbridge", "-p", "drawbridge-shim"])?;
    }
    for (part, program) in DEBS {
        for target in wanted.targets(part) {
            timed(&format!("Trying {program}"), target, || try_out::in_demo(program, target, builds, folder))?;
        }
    }
    if let Some(here) = Target::of_this_machine().filter(|here| DEBS.iter().all(|(part, _)| wanted.makes(*part, *here))) {
        timed("Trying the units", here, || try_out::units::under_systemd(here, &DEBS.map(|(_, program)| program), builds, folder))?;
    }
    for target in wanted.targets(Part::Lambda) {
        timed("Trying the zip", target, || try_out::zip::suite(target, builds, folder))?;
    }
    for target in wanted.targets(Part::Image) {
        timed("Trying the image", target, || try_out::image::start_and_stop(target, builds, folder))?;
    }
    Ok(())
}

/// Builds `wanted` again, and compares all of it with what is in `first`.
fn check_again(wanted: &Wanted, first: &Path) -> Result<()> {
    let again = shell::target().join("package-again");
    // An empty folder under another name: neither old objects nor its path may show in what is built.
    let (builds, folder) = (again.join("build"), again.join("package"));
    empty(&builds)?;
    make_all(wanted, &folder, &builds)?;
    for name in sums::names(&folder)? {
        let [one, other] = [first, &folder].map(|folder| fs::read(folder.join(&name)));
        ensure!(one? == other?, "two builds of the same tree differ in {}", name.display());
        println!("Built twice, in two folders, the same bytes: {}", name.display());
    }
    Ok(())
}
