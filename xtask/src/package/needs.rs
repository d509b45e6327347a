//! What packaging needs of this machine. All that is missing is said at once, before minutes are spent, with the commands
//! that install it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::build::{self, Target};
use super::wanted::{Part, Wanted};
use crate::shell;

/// What is missing, as arguments of the tools that install it.
#[derive(Debug, Default)]
struct Missing {
    /// For `apt-get install`.
    packages: BTreeSet<&'static str>,
    /// For `rustup target add`.
    targets: BTreeSet<&'static str>,
    /// Whether the sources of the standard library are.
    rust_src: bool,
}

/// Fails unless all is there that `wanted` takes; first installs what is missing if `may_install`.
pub(crate) fn meet(wanted: &Wanted, is_tried: bool, may_install: bool) -> Result<()> {
    let missing = Missing::of(wanted, is_tried)?;
    let commands = missing.commands();
    if commands.is_empty() {
        return Ok(());
    }
    let shown: String = commands.iter().map(|command| format!("\n  {}", command.join(" "))).collect();
    if !may_install {
        bail!("something is missing here; these install it, and `--install` runs them:{shown}");
    }
    println!("Installing what is missing:{shown}");
    for words in &commands {
        let (program, words) = words.split_first().context("an empty command")?;
        shell::run(Command::new(program).args(words)).context("install it by hand, as root where it says apt-get")?;
    }
    let still = Missing::of(wanted, is_tried)?;
    ensure!(still.commands().is_empty(), "installed, and still missing: {still:?}");
    Ok(())
}

impl Missing {
    fn of(wanted: &Wanted, is_tried: bool) -> Result<Self> {
        let mut missing = Self::default();
        missing.program("git", &["git"]);
        missing.program("gcc", &["gcc", "libc6-dev"]);
        for target in wanted.all_targets() {
            missing.build_for(target)?;
            if is_tried && let Some(emulator) = target.emulator.and_then(|line| line.split(' ').next()) {
                missing.program(emulator, &["qemu-user-static"]);
            }
        }
        if wanted.has(&[Part::Shim, Part::Server]) {
            // The units are checked by systemd's own tool, the packages unpacked by Debian's.
            missing.program("systemd-analyze", &["systemd"]);
            missing.program("dpkg-deb", &["dpkg"]);
            missing.program("readelf", &["binutils"]);
        }
        if wanted.has(&[Part::Lambda]) {
            missing.program("zip", &["zip"]);
        }
        let is_std_built = wanted.has(&[Part::Lambda]) || wanted.all_targets().any(|target| !target.has_debs());
        missing.rust_src = is_std_built && !build::std_sources()?.join("library/Cargo.lock").is_file();
        if wanted.has(&[Part::Image]) {
            missing.program("umoci", &["umoci"]);
        }
        if is_tried {
            missing.try_out(wanted);
        }
        Ok(missing)
    }

    fn build_for(&mut self, target: Target) -> Result<()> {
        match target.debian {
            "arm64" => self.program("aarch64-linux-gnu-gcc", &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]),
            "armhf" => self.program("arm-linux-gnueabihf-gcc", &["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"]),
            "armv6" => self.python(),
            _ => {}
        }
        // For armv6, as for Lambda, the standard library is built along.
        if target.has_debs() && !rustc("target-libdir", &["--target", target.triple])?.is_dir() {
            self.targets.insert(target.triple);
        }
        Ok(())
    }

    fn try_out(&mut self, wanted: &Wanted) {
        if wanted.has(&[Part::Lambda]) {
            self.program("unzip", &["unzip"]);
            self.python();
        }
        if wanted.has(&[Part::Image]) {
            self.program("skopeo", &["skopeo"]);
            self.program("buildah", &["buildah"]);
            self.program("unshare", &["util-linux"]);
        }
    }

    fn program(&mut self, name: &str, packages: &[&'static str]) {
        if shell::find(name).is_none() {
            self.packages.extend(packages);
        }
    }

    /// Python that can make virtual environments, which Debian packs apart.
    fn python(&mut self) {
        let asked = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
        if !asked.is_ok_and(|output| output.status.success()) {
            self.packages.extend(["python3", "python3-venv"]);
        }
    }

    /// What installs it, each as its words.
    fn commands(&self) -> Vec<Vec<&str>> {
        let mut commands: Vec<Vec<&str>> = vec![];
        if !self.packages.is_empty() {
            commands.push(vec!["apt-get", "update"]);
            let install = ["apt-get", "install", "--yes", "--no-install-recommends"];
            commands.push(install.into_iter().chain(self.packages.iter().copied()).collect());
        }
        if !self.targets.is_empty() {
            commands.push(["rustup", "target", "add"].into_iter().chain(self.targets.iter().copied()).collect());
        }
        if self.rust_src {
            commands.push(vec!["rustup", "component", "add", "rust-src"]);
        }
        commands
    }
}

/// A folder that rustc prints.
fn rustc(what: &str, words: &[&str]) -> Result<std::path::PathBuf> {
    let printed = shell::output(Command::new("rustc").current_dir(shell::root()).args(["--print", what]).args(words))?;
    Ok(Path::new(printed.trim()).to_path_buf())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_missing_is_said_as_the_commands_that_install_it() {
        let mut missing = Missing { targets: ["aarch64-unknown-linux-gnu"].into(), rust_src: true, ..Missing::default() };
        missing.program("sh", &["dash"]);
        missing.program("no-such-program", &["umoci", "zip"]);
        let said: Vec<_> = missing.commands().iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            said,
            [
                "apt-get update",
                "apt-get install --yes --no-install-recommends umoci zip",
                "rustup target add aarch64-unknown-linux-gnu",
                "rustup component add rust-src",
            ]
        );
    }
}
