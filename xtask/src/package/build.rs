//! Programs for other machines, the same bytes wherever they are built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{shell, tools};

/// A kind of machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// Debian's name for it; the Pi Zero and Pi 1 have none there.
    pub(crate) debian: &'static str,
    /// Rust's.
    pub(crate) triple: &'static str,
    /// The linker, which is Debian's cross compiler; `None` where Debian has none, and Zig builds.
    linker: Option<&'static str>,
    /// What runs its programs here; `None` for this machine's own kind.
    pub(crate) emulator: Option<&'static str>,
    /// Whether the programs of the profile `release` are the ones that the tests run: to try a package with, and not to give out.
    as_tested: bool,
}

impl Target {
    pub(crate) const ALL: [Self; 4] = [
        Self {
            debian: "arm64",
            triple: "aarch64-unknown-linux-gnu",
            linker: Some("aarch64-linux-gnu-gcc"),
            emulator: Some("qemu-aarch64-static -L /usr/aarch64-linux-gnu"),
            as_tested: false,
        },
        Self {
            debian: "armhf",
            triple: "armv7-unknown-linux-gnueabihf",
            linker: Some("arm-linux-gnueabihf-gcc"),
            emulator: Some("qemu-arm-static -L /usr/arm-linux-gnueabihf"),
            as_tested: false,
        },
        Self { debian: "amd64", triple: "x86_64-unknown-linux-gnu", linker: Some("gcc"), emulator: None, as_tested: false },
        Self {
            debian: "armv6",
            triple: "arm-unknown-linux-musleabihf",
            linker: None,
            emulator: Some("qemu-arm-static -cpu arm1176"),
            as_tested: false,
        },
    ];

    /// Whether Debian has packages for it.
    pub(crate) fn has_debs(self) -> bool {
        self.linker.is_some()
    }

    /// The kinds of machine that clouds run functions on.
    pub(crate) fn in_clouds() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|target| ["arm64", "amd64"].contains(&target.debian))
    }

    /// The same, with the programs that the tests run.
    pub(crate) fn as_tested(self) -> Self {
        Self { as_tested: true, ..self }
    }

    /// What this runs on.
    pub(crate) fn of_this_machine() -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.triple.starts_with(env::consts::ARCH) && target.debian != "armv6")
    }

    /// By Debian's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.debian == name)
    }
}

/// What C is compiled at, as far as it asks. No program of ours shows it, and another date at every commit would compile all that
/// stands on aws-lc anew.
const NO_DATE: &str = "0";

/// The functions without what Lambda has no use for (infra/host/Cargo.toml); `cargo xtask check` compiles them like this too.
pub(crate) const FOR_LAMBDA: [&str; 3] = ["--package", "drawbridge-function", "--no-default-features"];

/// The profile of the functions on Lambda. A panic ends the process there, so no tables for unwinding are kept; the standard library
/// is built along, because the one that Rust ships has them.
const LAMBDA: &str = "lambda";
const SMALL_STD: &str = "-Zbuild-std-features=optimize_for_size";
const NO_UNWIND_TABLES: &str = "-Cforce-unwind-tables=no";
const NO_UNWIND_TABLES_OF_C: &str = " -fno-asynchronous-unwind-tables";

/// The profile of the functions in the image.
const SMALL: &str = "small";
/// Keeps what a start relocates in a tenth of the place: 1 MB less to read and to hold. It takes glibc 2.36, which the image has and
/// `provided.al2023` has not. A linker that cannot, such as Debian 12's for arm64, says so and goes on.
const PACKED_RELOCATIONS: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";

/// Builds the standard library along, which stable Rust allows by `RUSTC_BOOTSTRAP` alone.
const STD_ALONG: &str = "-Zbuild-std=std,panic_abort";

/// Builds the shim; returns where it is.
pub(crate) fn shim(target: Target, builds: &Path) -> Result<PathBuf> {
    released("drawbridge-shim", target, builds)
}

/// Builds the server and command line; returns where the program is.
pub(crate) fn server(target: Target, builds: &Path) -> Result<PathBuf> {
    released("drawbridge", target, builds)
}

/// Builds the functions for the image; returns where the program is, until the next build of them.
pub(crate) fn function(target: Target, builds: &Path) -> Result<PathBuf> {
    program(&["--package", "drawbridge-function"], SMALL, target, builds)
}

/// Builds the functions for Lambda's zip; returns where the program is, until the next build of them.
pub(crate) fn function_for_lambda(target: Target, builds: &Path) -> Result<PathBuf> {
    program(&FOR_LAMBDA, LAMBDA, target, builds)
}

fn released(package: &str, target: Target, builds: &Path) -> Result<PathBuf> {
    if target.as_tested { tested(package, target, builds) } else { program(&["--package", package], "release", target, builds) }
}

/// Puts the program that the tests run where a release would be built, without what is there for debuggers alone.
fn tested(package: &str, target: Target, builds: &Path) -> Result<PathBuf> {
    shell::cargo(&["build", "--package", package])?;
    let folder = builds.join(target.triple).join("release");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let (built, stripped) = (shell::target().join("debug").join(package), folder.join(package));
    shell::run(Command::new("strip").arg("-o").args([&stripped, &built]))?;
    Ok(stripped)
}

/// Builds the program of a package, named by the second of `package`, with a profile of the root's Cargo.toml.
fn program(package: &[&str], profile: &str, target: Target, builds: &Path) -> Result<PathBuf> {
    let mut command = shell::cargo_command();
    let mut flags = flags(builds)?;
    let (is_for_lambda, is_std_shipped) = (profile == LAMBDA, target.linker.is_some());
    if let Some(linker) = target.linker {
        let hint = "`cargo xtask package --help` names the packages to install";
        ensure!(shell::find(linker).is_some(), "{linker} is needed to build for {}: {hint}", target.debian);
        command.arg("build").env(format!("CARGO_TARGET_{}_LINKER", target.triple.to_uppercase().replace('-', "_")), linker);
    } else {
        command.arg("zigbuild").env("PATH", tools::zig()?);
        flags.push("-Clink-self-contained=no".into());
    }
    if is_for_lambda || !is_std_shipped {
        command.arg(STD_ALONG).env("RUSTC_BOOTSTRAP", "1");
        flags.push(remap(&std_sources()?, "/std"));
    }
    if profile == SMALL {
        flags.push(PACKED_RELOCATIONS.into());
    }
    if is_for_lambda {
        command.arg(SMALL_STD);
        flags.push(NO_UNWIND_TABLES.into());
    }
    command.args(package).args(["--profile", profile, "--locked", "--target", target.triple]);
    command.env("CARGO_TARGET_DIR", builds).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    // The same for what is C: aws-lc.
    let of_c = if is_for_lambda { NO_UNWIND_TABLES_OF_C } else { "" };
    command.env("CFLAGS", format!("-ffile-prefix-map={}=/build{of_c}", builds.display())).env("SOURCE_DATE_EPOCH", NO_DATE);
    shell::run(&mut command).with_context(|| format!("building {} for {}", package[1], target.triple))?;
    Ok(builds.join(target.triple).join(profile).join(package[1]))
}

/// No path of this machine in what is built: panics name files.
fn flags(builds: &Path) -> Result<Vec<String>> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    Ok(vec![remap(&shell::root(), "/drawbridge"), remap(&home, "/cargo"), remap(builds, "/build")])
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// Where rustup puts the sources of the standard library (component rust-src).
pub(super) fn std_sources() -> Result<PathBuf> {
    let sysroot = shell::output(Command::new("rustc").current_dir(shell::root()).args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/src/rust"))
}

/// The time of the last commit: what archives are dated with (reproducible-builds.org, SOURCE_DATE_EPOCH).
pub(crate) fn epoch() -> Result<String> {
    let mut git = Command::new("git");
    let time = shell::output(git.args(["log", "-1", "--format=%ct"]).current_dir(shell::root()));
    Ok(time.context("the time of the last commit dates the packages")?.trim().to_owned())
}
