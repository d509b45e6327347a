//! # `cargo xtask package`
//!
//! Promise: what is in `target/package` afterwards was built from the tree as it is, with no path of this machine in it, and
//! `SHA256SUMS` names every file. A tool that cannot be had is an error that names the install command.

mod build;
mod deb;
mod image;
mod lambda;
mod sbom;
mod sums;
mod try_out;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::args::{self, Args};
use crate::{interrupt, shell};
use build::Target;

const HELP: &str = "\
Builds what is shipped, into target/package: the shim as program and as .deb for each kind of device, the functions as zips for
AWS Lambda and as a container image for both kinds of machine, bills of materials (CycloneDX) and checksums.

Usage: cargo xtask package [shim|lambda|image]… [TARGET]… [--try] [--twice]

  shim, lambda, image   what is built; all of it when none is named. lambda and image are for arm64 and amd64
  TARGET     arm64 (Pi 3 and later, 64 bit), armhf (Pi 2 and later, 32 bit), amd64,
             armv6 (Pi Zero and Pi 1; the program alone, static); all of them when none is named
  --try      plays the demo, an outage in the middle, with each shim that was built, under emulation where it must be; starts
             the functions from the zip and from the image's own root, and stops them while a request is under way
  --twice    builds everything a second time in another folder and fails unless both have the same bytes

What it needs beyond Rust: Debian's cross compilers, `apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
gcc-arm-linux-gnueabihf libc6-dev-armhf-cross zip umoci`, and the targets, `rustup target add aarch64-unknown-linux-gnu
armv7-unknown-linux-gnueabihf`; to try it, `apt-get install qemu-user-static`. armv6 needs Python 3 with venv and
`rustup component add rust-src`. cargo-deb, cargo-cyclonedx, Zig and cargo-zigbuild are installed into the target folder.";

/// Where everything ends up.
pub(crate) fn folder() -> PathBuf {
    shell::target().join("package")
}

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let (is_tried, is_twice) = (args.has("--try"), args.has("--twice"));
    let wanted = Wanted::of(&mut args)?;
    args.finish()?;
    interrupt::listen()?;
    let start = Instant::now();
    let folder = folder();
    let builds = shell::target().join("package-build");
    make_all(&wanted, &folder, &builds)?;
    if is_tried {
        try_all(&wanted, &folder, &builds)?;
    }
    if is_twice {
        check_again(&wanted, &folder)?;
    }
    println!("{} in {:.0} s", folder.display(), start.elapsed().as_secs_f64());
    print!("{}", fs::read_to_string(folder.join(sums::FILE))?);
    Ok(ExitCode::SUCCESS)
}

/// What was asked for.
struct Wanted {
    shim: bool,
    lambda: bool,
    image: bool,
    targets: Vec<Target>,
}

impl Wanted {
    fn of(args: &mut Args) -> Result<Self> {
        let mut wanted = Self { shim: false, lambda: false, image: false, targets: vec![] };
        while let Some(name) = args.word() {
            match (name.as_str(), Target::named(&name)) {
                ("shim", _) => wanted.shim = true,
                ("lambda", _) => wanted.lambda = true,
                ("image", _) => wanted.image = true,
                (_, Some(target)) => wanted.targets.push(target),
                _ => return Err(args::usage(format!("no `{name}`; there are shim, lambda, image; arm64, armhf, amd64, armv6"))),
            }
        }
        if !(wanted.shim || wanted.lambda || wanted.image) {
            (wanted.shim, wanted.lambda, wanted.image) = (true, true, true);
        }
        if wanted.targets.is_empty() {
            wanted.targets = Target::ALL.to_vec();
        }
        Ok(wanted)
    }

    /// For which machines the functions are built.
    fn in_clouds(&self) -> impl Iterator<Item = Target> {
        let (any, targets) = (self.lambda || self.image, self.targets.clone());
        Target::in_clouds().filter(move |cloud| any && targets.iter().any(|target| target.debian == cloud.debian))
    }
}

fn make_all(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    for target in wanted.targets.iter().filter(|_| wanted.shim) {
        interrupt::check()?;
        let program = build::shim(*target, builds)?;
        if target.has_debs() {
            deb::make(*target, builds, folder)?;
        }
        fs::copy(&program, folder.join(format!("drawbridge-shim-{}", target.debian)))?;
    }
    make_functions(wanted, folder, builds)?;
    sbom::make(folder)?;
    sums::write(folder)
}

/// The functions as they are shipped, for where this runs.
pub(crate) fn function_of_this_machine() -> Result<PathBuf> {
    let debian = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let target = Target::named(debian).context("nothing is shipped for this machine")?;
    build::function(target, &shell::target().join("package-build"))
}

fn make_functions(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    let mut programs = vec![];
    for target in wanted.in_clouds() {
        interrupt::check()?;
        let program = build::function(target, builds)?;
        if wanted.lambda {
            lambda::make(target, &program, builds, folder)?;
        }
        fs::copy(&program, folder.join(format!("drawbridge-function-{}", target.debian)))?;
        programs.push((target, program));
    }
    if programs.is_empty() {
        return Ok(());
    }
    fs::copy(lambda::roots(), folder.join("roots.pem"))?;
    if wanted.image { image::make(&programs, builds, folder) } else { Ok(()) }
}

fn try_all(wanted: &Wanted, folder: &Path, builds: &Path) -> Result<()> {
    if wanted.shim {
        shell::cargo(&["build", "-p", "drawbridge"])?;
        wanted.targets.iter().try_for_each(|target| try_out::shim(*target, folder))?;
    }
    for target in wanted.in_clouds() {
        if wanted.lambda {
            try_out::function::from_zip(target, builds)?;
        }
        if wanted.image {
            try_out::function::from_image(target, builds)?;
        }
    }
    Ok(())
}

fn check_again(wanted: &Wanted, first: &Path) -> Result<()> {
    let again = shell::target().join("package-again");
    // An empty folder under another name: neither old objects nor its path may show in what is built.
    let builds = again.join("build");
    if builds.exists() {
        fs::remove_dir_all(&builds)?;
    }
    make_all(wanted, &again.join("package"), &builds)?;
    let [one, other] = [first.to_path_buf(), again.join("package")].map(|folder| fs::read_to_string(folder.join(sums::FILE)));
    let (one, other) = (one?, other?);
    ensure!(one == other, "two builds of the same tree differ:\n{one}\n{other}");
    println!("Built twice, in two folders: the same bytes");
    Ok(())
}
