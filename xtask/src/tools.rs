//! Tools and peers, installed by their own package clients when they are missing. What cannot be had is an error that
//! names the command to install it.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{interrupt, shell};

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The clients that are not ours, with their versions.
const REQUIREMENTS: &str = "tests/clients/requirements.txt";
/// What serves Terraform in place of Google, with its versions.
const TERRAFORM_REQUIREMENTS: &str = "tests/terraform/requirements.txt";

/// A cargo subcommand: on the path, or being built into `target/tools`.
pub(crate) struct CargoTool {
    name: &'static str,
    building: Option<Child>,
}

impl CargoTool {
    /// Begins to build it if it is missing. It takes minutes, so other work can go on meanwhile; it ends with this value.
    pub(crate) fn begin(name: &'static str) -> Result<Self> {
        if shell::find(name).is_some() {
            return Ok(Self { name, building: None });
        }
        let root = shell::target().join("tools");
        println!("{name} is missing: building it into {} (some minutes, once)", root.display());
        let mut command = shell::cargo_command();
        command.args(["install", name, "--locked", "--quiet", "--root"]).arg(&root);
        // A folder of its own: the build must not wait for ours, nor ours for it. And a group of its own, to end it whole.
        command.env("CARGO_TARGET_DIR", root.join("build")).process_group(0);
        Ok(Self { name, building: Some(command.spawn().context("running `cargo install`")?) })
    }

    /// Waits until it is there.
    pub(crate) fn finish(mut self) -> Result<PathBuf> {
        let name = self.name;
        while let Some(building) = &mut self.building {
            interrupt::check()?;
            if let Some(status) = building.try_wait()? {
                self.building = None;
                ensure!(status.success(), "{name} is needed and was not built: `cargo install {name} --locked`");
            }
            thread::sleep(LOOK_EVERY);
        }
        shell::find(name).with_context(|| format!("{name} is needed: `cargo install {name} --locked`"))
    }
}

impl Drop for CargoTool {
    fn drop(&mut self) {
        if let Some(building) = &mut self.building {
            // What cannot be ended has ended by itself.
            let _ended = stage::signal("TERM", &format!("-{}", building.id()));
            let _waited = building.wait();
        }
    }
}

/// A Python with the clients of [`REQUIREMENTS`], in a virtual environment under the target folder.
pub(crate) fn python() -> Result<PathBuf> {
    python_with("venv", REQUIREMENTS)
}

/// A Python with what serves Terraform in place of Google, in an environment of its own.
pub(crate) fn terraform_python() -> Result<PathBuf> {
    python_with("terraform-venv", TERRAFORM_REQUIREMENTS)
}

fn python_with(folder: &str, requirements_file: &str) -> Result<PathBuf> {
    let requirements = shell::root().join(requirements_file);
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let venv = shell::target().join("test-tools").join(folder);
    let (python, installed) = (venv.join("bin/python"), venv.join("installed.txt"));
    if python.is_file() && fs::read_to_string(&installed).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    if shell::find("python3").is_none() {
        bail!("Python is needed for clients that are not ours: `apt-get install python3 python3-venv`");
    }
    println!("Installing {} into {}", wanted.trim().replace('\n', ", "), venv.display());
    fs::create_dir_all(&venv).with_context(|| format!("creating {}", venv.display()))?;
    let made = shell::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    made.context("no virtual environment: `apt-get install python3-venv`")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    shell::run(&mut install).with_context(|| format!("needed: `pip install -r {requirements_file}`"))?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))?;
    Ok(python)
}

/// Debian's mosquitto, a peer of the benchmarks.
pub(crate) fn mosquitto() -> Result<PathBuf> {
    const INSTALL: &str = "mosquitto is needed as a peer: `apt-get install mosquitto`";
    // Debian's sbin folders are not on everybody's path.
    let found = || shell::find("mosquitto").or_else(|| Some(PathBuf::from("/usr/sbin/mosquitto")).filter(|p| p.is_file()));
    if let Some(found) = found() {
        return Ok(found);
    }
    println!("mosquitto is missing: apt-get install mosquitto");
    shell::run(Command::new("apt-get").args(["install", "--yes", "--no-install-recommends", "mosquitto"])).context(INSTALL)?;
    found().context(INSTALL)
}

/// A PATH on which cargo finds Zig and cargo-zigbuild, from PyPI: they cross-build where Debian has no compiler.
pub(crate) fn zig() -> Result<std::ffi::OsString> {
    const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.0"];
    let venv = shell::target().join("tools/zig");
    if !venv.join("bin/cargo-zigbuild").is_file() {
        println!("Installing {} into {}", PACKAGES.join(" and "), venv.display());
        shell::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).context("`apt-get install python3-venv`")?;
        let mut install = Command::new(venv.join("bin/python"));
        shell::run(install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths([venv.join("bin")].into_iter().chain(std::env::split_paths(&path)))?)
}

/// Debian's nats-server: on the path, or its package unpacked into the target folder, which needs no root.
pub(crate) fn nats_server() -> Result<PathBuf> {
    const INSTALL: &str = "nats-server is needed for the tests of several nodes: `apt-get install nats-server`";
    let home = shell::target().join("test-tools/nats-server");
    let own = home.join("usr/sbin/nats-server");
    // Debian's sbin folders are not on everybody's path.
    let found = || shell::find("nats-server").or_else(|| ["/usr/sbin/nats-server".into(), own.clone()].into_iter().find(|p| p.is_file()));
    if let Some(found) = found() {
        return Ok(found);
    }
    println!("nats-server is missing: unpacking Debian's package into {}", home.display());
    fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    shell::output(Command::new("apt-get").current_dir(&home).args(["download", "nats-server"])).context(INSTALL)?;
    let packages = fs::read_dir(&home)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = packages.into_iter().find(|path| path.extension().is_some_and(|e| e == "deb")).context(INSTALL)?;
    shell::output(Command::new("dpkg").arg("-x").args([&package, &home])).context(INSTALL)?;
    found().context(INSTALL)
}
