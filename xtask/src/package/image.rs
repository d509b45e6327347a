//! The container image, for both kinds of machine, made without an engine: Debian's umoci writes an OCI layout, which is packed
//! into one archive that `skopeo copy --all oci-archive:… docker://…` pushes. What `infra/images/Containerfile` says, this does.

mod index;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::build::{self, Target};
use super::lambda;
use crate::shell;

/// In the archive and in the layout.
pub(crate) const NAME: &str = "drawbridge-function";
/// Distroless's `nonroot`.
const USER: &str = "65532:65532";
/// As `infra/images/Containerfile` has it.
const CONFIG: [&str; 14] = [
    "--config.user",
    USER,
    "--config.entrypoint",
    "/drawbridge-function",
    "--config.env",
    "SSL_CERT_FILE=/etc/ssl/certs/roots.pem",
    "--config.exposedports",
    "8080/tcp",
    "--config.stopsignal",
    "SIGTERM",
    "--config.label",
    concat!("org.opencontainers.image.version=", env!("CARGO_PKG_VERSION")),
    "--config.label",
    "org.opencontainers.image.licenses=Apache-2.0",
];
/// What the program is linked with, beside the loader: Debian's libc6 and libgcc-s1.
const LIBRARIES: [&str; 3] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"];

/// Makes the archive of the programs, each with the machine it was built for.
pub(crate) fn make(programs: &[(Target, PathBuf)], builds: &Path, folder: &Path) -> Result<()> {
    ensure!(shell::find("umoci").is_some(), "umoci is needed: `apt-get install umoci`");
    let layout = layout(builds);
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    umoci(&["init", "--layout", &text(&layout)])?;
    for (target, program) in programs {
        image(*target, program, &layout, builds)?;
    }
    umoci(&["gc", "--layout", &text(&layout)])?;
    // What is pushed holds one image; the layout keeps one for each machine, to be tried.
    let pushed = builds.join("image-pushed");
    if pushed.exists() {
        fs::remove_dir_all(&pushed)?;
    }
    shell::run(Command::new("cp").arg("-r").args([&layout, &pushed]))?;
    index::join(&pushed, NAME, &programs.iter().map(|(target, _)| target.debian).collect::<Vec<_>>())?;
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw", "--format=ustar"]);
    tar.arg(format!("--mtime=@{}", build::epoch()?)).arg("-cf").arg(folder.join(format!("{NAME}-image.tar")));
    shell::run(tar.arg("-C").arg(&pushed).arg("."))
}

/// The unpacked layout; each image in it has the name that Debian has for its machine.
pub(crate) fn layout(builds: &Path) -> PathBuf {
    builds.join("image")
}

fn image(target: Target, program: &Path, layout: &Path, builds: &Path) -> Result<()> {
    let root = builds.join(format!("image-{}", target.debian));
    fill(target, program, &root)?;
    let image = format!("{}:{}", layout.display(), target.debian);
    let date = date()?;
    umoci(&["new", "--image", &image])?;
    let history = ["--history.created", &date, "--history.created_by", "cargo xtask package image"];
    umoci(&[&["insert", "--image", &image, "--rootless"], &history[..], &[&text(&root), "/"]].concat())?;
    let machine = ["--created", &date, "--os", "linux", "--architecture", target.debian];
    umoci(&[&["config", "--image", &image, "--no-history"], &machine[..], &CONFIG].concat())
}

/// The image's whole file system.
fn fill(target: Target, program: &Path, root: &Path) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let put = |from: &Path, to: &str, mode: u32| -> Result<()> {
        let to = root.join(to);
        fs::create_dir_all(to.parent().unwrap_or(root))?;
        fs::copy(from, &to).with_context(|| format!("copying {}", from.display()))?;
        Ok(fs::set_permissions(&to, fs::Permissions::from_mode(mode))?)
    };
    put(program, "drawbridge-function", 0o755)?;
    put(&lambda::roots(), "etc/ssl/certs/roots.pem", 0o644)?;
    let (libraries, loader) = libraries(target);
    put(&libraries.join(Path::new(loader).file_name().unwrap_or_default()), loader, 0o755)?;
    for library in LIBRARIES {
        put(&libraries.join(library), &format!("lib/{library}"), 0o644)?;
    }
    // A root that is empty but for this has no place to write to.
    fs::create_dir_all(root.join("tmp"))?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    let dated = format!("--date=@{}", build::epoch()?);
    shell::run(Command::new("find").arg(root).args(["-depth", "-exec", "touch", &dated, "{}", "+"]))
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
