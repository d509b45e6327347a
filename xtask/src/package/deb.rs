//! Debian packages; what is in them stands in the Cargo.toml of the program, under `package.metadata.deb`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::build::{self, Target};
use crate::shell;

/// The worst that `systemd-analyze security` may say of a unit, in tenths.
const MAX_EXPOSURE: u32 = 20;

/// Puts what was built of `program` for `target` into a package, and checks what came out.
pub(crate) fn make(cargo_deb: &Path, program: &str, target: Target, builds: &Path, folder: &Path) -> Result<()> {
    let mut command = Command::new(cargo_deb);
    command.current_dir(shell::root()).args(["--package", program, "--no-build", "--no-strip", "--target", target.triple]);
    command.arg("--output").arg(folder).env("CARGO_TARGET_DIR", builds).env("SOURCE_DATE_EPOCH", build::epoch()?);
    shell::run(&mut command)?;
    let root = unpack(program, target, builds, folder)?;
    check_unit(program, &root)?;
    let depends = field(&package(program, target, folder)?, "Depends")?;
    check_libc(&root.join("usr/bin").join(program), &depends)
}

/// The package's own file system below `builds`, anew.
pub(crate) fn unpack(program: &str, target: Target, builds: &Path, folder: &Path) -> Result<PathBuf> {
    let root = builds.join(format!("{program}-{}-deb", target.debian));
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let package = package(program, target, folder)?;
    let machine = field(&package, "Architecture")?;
    ensure!(machine == target.debian, "{} is for {machine}", package.display());
    shell::run(Command::new("dpkg-deb").arg("--extract").args([&package, &root]))?;
    Ok(root)
}

/// Where the package is.
pub(crate) fn package(program: &str, target: Target, folder: &Path) -> Result<PathBuf> {
    let is_it = |name: &str| name.starts_with(&format!("{program}_")) && name.ends_with(&format!("_{}.deb", target.debian));
    let mut entries = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let found = entries.find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_it));
    found.with_context(|| format!("no package of {program} for {}", target.debian))
}

fn field(package: &Path, name: &str) -> Result<String> {
    Ok(shell::output(Command::new("dpkg-deb").arg("--field").arg(package).arg(name))?.trim().to_owned())
}

/// systemd's own judgement of the unit, offline: nothing in it is misspelt, its program is there, and little is open to it.
fn check_unit(program: &str, root: &Path) -> Result<()> {
    let unit = root.join("usr/lib/systemd/system").join(format!("{program}.service"));
    ensure!(unit.is_file(), "the package of {program} has no unit");
    let mut verify = Command::new("systemd-analyze");
    verify
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", root.display()))
        .arg(format!("{program}.service"));
    shell::run(&mut verify)?;
    let threshold = format!("--threshold={MAX_EXPOSURE}");
    let judged = shell::output(Command::new("systemd-analyze").args(["security", "--offline=yes", "--no-pager", &threshold]).arg(&unit))?;
    println!("{}", judged.lines().last().unwrap_or_default());
    Ok(())
}

/// What the program asks of glibc is what the package says that it needs.
fn check_libc(program: &Path, depends: &str) -> Result<()> {
    let versions = shell::output(Command::new("readelf").args(["--version-info", "--wide"]).arg(program))?;
    let Some((major, minor)) = newest_glibc(&versions) else { bail!("{} asks for no version of glibc", program.display()) };
    let said = format!("libc6 (>= {major}.{minor})");
    ensure!(depends.contains(&said), "{} needs {said}; its package says `{depends}`", program.display());
    Ok(())
}

fn newest_glibc(versions: &str) -> Option<(u32, u32)> {
    let named = versions.split("GLIBC_").skip(1).filter_map(|rest| {
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    named.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_as_numbers_do() {
        let printed = "Name: GLIBC_2.9  Flags: none\n Name: GLIBC_2.34  Flags\n Name: GLIBC_2.4\n Name: GCC_3.5";
        assert_eq!(newest_glibc(printed), Some((2, 34)));
        assert_eq!(newest_glibc("no version information"), None);
    }
}
