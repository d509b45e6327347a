//! The container image, for both kinds of machine, made without an engine: Debian's umoci writes an OCI layout, which is packed
//! into one archive that `skopeo copy --all oci-archive:… docker://…` pushes. What `infra/images/Containerfile` says, this does.

mod index;
mod recipe;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::build::{self, Target};
use crate::shell;
use recipe::Recipe;

/// In the archive and in the layout.
pub(crate) const NAME: &str = "drawbridge-function";
/// Beside what the Containerfile labels.
const VERSION: &str = concat!("org.opencontainers.image.version=", env!("CARGO_PKG_VERSION"));
/// What the program is linked with, beside the loader: Debian's libc6 and libgcc-s1.
const LIBRARIES: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];

/// Makes the archive for `targets`, out of the programs that are in `folder`.
pub(crate) fn make(targets: &[Target], builds: &Path, folder: &Path) -> Result<()> {
    let layout = layout(builds);
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    umoci(&["init", "--layout", &text(&layout)])?;
    for target in targets {
        image(*target, folder, &layout, builds)?;
    }
    umoci(&["gc", "--layout", &text(&layout)])?;
    // What is pushed holds one image; the layout has one for each machine.
    let pushed = builds.join("image-pushed");
    if pushed.exists() {
        fs::remove_dir_all(&pushed)?;
    }
    shell::run(Command::new("cp").arg("-r").args([&layout, &pushed]))?;
    index::join(&pushed, NAME, &targets.iter().map(|target| target.debian).collect::<Vec<_>>())?;
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw", "--format=ustar"]);
    tar.arg(format!("--mtime=@{}", build::epoch()?)).arg("-cf").arg(archive(folder));
    shell::run(tar.arg("-C").arg(&pushed).arg("."))
}

/// What is pushed.
pub(crate) fn archive(folder: &Path) -> PathBuf {
    folder.join(format!("{NAME}-image.tar"))
}

/// What says what is in it.
pub(crate) fn containerfile() -> PathBuf {
    shell::root().join("infra/images/Containerfile")
}

/// Each image in it has the name that Debian has for its machine.
fn layout(builds: &Path) -> PathBuf {
    builds.join("image")
}

fn image(target: Target, folder: &Path, layout: &Path, builds: &Path) -> Result<()> {
    let recipe = containerfile();
    let recipe = fs::read_to_string(&recipe).with_context(|| format!("reading {}", recipe.display()))?;
    let recipe = Recipe::read(&recipe, target.debian)?;
    let root = builds.join(format!("image-{}", target.debian));
    fill(target, &recipe, folder, &root)?;
    let image = format!("{}:{}", layout.display(), target.debian);
    let date = date()?;
    umoci(&["new", "--image", &image])?;
    let history = ["--history.created", &date, "--history.created_by", "cargo xtask package image"];
    umoci(&[&["insert", "--image", &image, "--rootless"], &history[..], &[&text(&root), "/"]].concat())?;
    let machine = ["--created", &date, "--os", "linux", "--architecture", target.debian, "--config.label", VERSION];
    let config: Vec<_> = recipe.config.iter().map(String::as_str).collect();
    umoci(&[&["config", "--image", &image, "--no-history"], &machine[..], &config].concat())
}

/// The image's whole file system.
fn fill(target: Target, recipe: &Recipe, folder: &Path, root: &Path) -> Result<()> {
    fill_base(target, root)?;
    for (from, to) in &recipe.copies {
        let from = folder.join(from);
        let mode = fs::metadata(&from).with_context(|| format!("reading {}", from.display()))?.permissions().mode();
        put(&from, &root.join(to), if mode & 0o100 == 0 { 0o644 } else { 0o755 })?;
    }
    let dated = format!("--date=@{}", build::epoch()?);
    shell::run(Command::new("find").arg(root).args(["-depth", "-exec", "touch", &dated, "{}", "+"]))
}

/// What programs for `target` stand on, in the place of the Containerfile's base.
pub(crate) fn fill_base(target: Target, root: &Path) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let (libraries, loader) = libraries(target);
    put(&libraries.join(Path::new(loader).file_name().unwrap_or_default()), &root.join(loader), 0o755)?;
    for library in LIBRARIES {
        put(&libraries.join(library), &root.join("lib").join(library), 0o644)?;
    }
    // A root that is empty but for this has no place to write to.
    fs::create_dir_all(root.join("tmp"))?;
    Ok(fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?)
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::create_dir_all(to.parent().context("no folder")?)?;
    fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

/// Where Debian has the libraries for `target`, and the loader's path as programs name it.
fn libraries(target: Target) -> (PathBuf, &'static str) {
    match target.debian {
        "arm64" => ("/usr/aarch64-linux-gnu/lib".into(), "lib/ld-linux-aarch64.so.1"),
        _ => ("/lib/x86_64-linux-gnu".into(), "lib64/ld-linux-x86-64.so.2"),
    }
}

fn date() -> Result<String> {
    let date = shell::output(Command::new("date").args(["--utc", "--iso-8601=seconds", &format!("--date=@{}", build::epoch()?)]))?;
    Ok(date.trim().replace("+00:00", "Z"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn umoci(words: &[&str]) -> Result<()> {
    shell::run(Command::new("umoci").args(words))
}
