//! Programs for other machines, the same bytes wherever they are built.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// A kind of machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// Debian's name for it.
    pub(crate) debian: &'static str,
    /// Rust's.
    pub(crate) triple: &'static str,
    /// The linker, which is Debian's cross compiler.
    linker: &'static str,
    /// What runs its programs here, and where its libraries are; `None` for this machine's own kind.
    pub(crate) emulator: Option<(&'static str, &'static str)>,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [
        Self {
            debian: "arm64",
            triple: "aarch64-unknown-linux-gnu",
            linker: "aarch64-linux-gnu-gcc",
            emulator: Some(("qemu-aarch64-static", "/usr/aarch64-linux-gnu")),
        },
        Self {
            debian: "armhf",
            triple: "armv7-unknown-linux-gnueabihf",
            linker: "arm-linux-gnueabihf-gcc",
            emulator: Some(("qemu-arm-static", "/usr/arm-linux-gnueabihf")),
        },
        Self { debian: "amd64", triple: "x86_64-unknown-linux-gnu", linker: "gcc", emulator: None },
    ];

    /// By Debian's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.debian == name)
    }
}

/// Builds the shim; returns where it is.
pub(crate) fn shim(target: Target, builds: &Path) -> Result<PathBuf> {
    program("drawbridge-shim", target, builds)
}

/// Builds the program of a package.
pub(crate) fn program(package: &str, target: Target, builds: &Path) -> Result<PathBuf> {
    ensure!(
        shell::find(target.linker).is_some(),
        "{} is needed to build for {}: `cargo xtask package --help` names the packages",
        target.linker,
        target.debian
    );
    println!("{package} for {}", target.debian);
    let mut command = shell::cargo_command();
    command.args(["build", "--release", "--locked", "--package", package, "--target", target.triple]);
    let variable = format!("CARGO_TARGET_{}_LINKER", target.triple.to_uppercase().replace('-', "_"));
    command.env(variable, target.linker).env("CARGO_TARGET_DIR", builds).env("CARGO_ENCODED_RUSTFLAGS", flags(builds)?);
    // The same for what is C: aws-lc.
    command.env("CFLAGS", format!("-ffile-prefix-map={}=/build", builds.display())).env("SOURCE_DATE_EPOCH", epoch()?);
    shell::run(&mut command).with_context(|| format!("missing target? `rustup target add {}`", target.triple))?;
    Ok(builds.join(target.triple).join("release").join(package))
}

/// No path of this machine in what is built: panics name files.
fn flags(builds: &Path) -> Result<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let flags = [remap(&shell::root(), "/drawbridge"), remap(&home, "/cargo"), remap(builds, "/build")];
    Ok(flags.join("\u{1f}"))
}

/// The time of the last commit: what archives are dated with (reproducible-builds.org, SOURCE_DATE_EPOCH).
pub(crate) fn epoch() -> Result<String> {
    let mut git = std::process::Command::new("git");
    let time = shell::output(git.args(["log", "-1", "--format=%ct"]).current_dir(shell::root()));
    Ok(time.context("the time of the last commit dates the packages")?.trim().to_owned())
}
