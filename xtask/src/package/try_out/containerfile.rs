//! The Containerfile as an engine takes it: Debian's buildah builds it, over the C library of this machine in place of the base that
//! it names, which is in a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::package::build::Target;
use crate::package::image;
use crate::shell;

/// Builds it out of what is in `folder`, and answers the image as `umoci` names it.
pub(crate) fn build(target: Target, builds: &Path, folder: &Path) -> Result<String> {
    let room = builds.join(format!("containerfile-{}", target.debian));
    if room.exists() {
        fs::remove_dir_all(&room)?;
    }
    let (base, layout, built) = (room.join("base"), room.join("layout"), room.join("built"));
    fs::create_dir_all(&room)?;
    image::fill_base(target, &base)?;
    let named = format!("{}:base", layout.display());
    umoci(&["init", "--layout", &layout.display().to_string()])?;
    umoci(&["new", "--image", &named])?;
    umoci(&["insert", "--rootless", "--image", &named, &base.display().to_string(), "/"])?;
    umoci(&["config", "--image", &named, "--os", "linux", "--architecture", target.debian])?;
    let mut buildah = Command::new("buildah");
    // A store of its own, and nothing of this machine's settings.
    buildah.arg("--root").arg(room.join("store")).arg("--runroot").arg(room.join("run")).args(["--storage-driver", "vfs"]);
    buildah.args(["bud", "--quiet", "--isolation", "chroot", "--arch", target.debian, "--from", &format!("oci:{named}")]);
    buildah.arg("--build-arg").arg(format!("TARGETARCH={}", target.debian));
    buildah.arg("--tag").arg(format!("oci:{}:built", built.display()));
    buildah.arg("--file").arg(image::containerfile()).arg(folder);
    shell::output(&mut buildah)?;
    Ok(format!("{}:built", built.display()))
}

fn umoci(words: &[&str]) -> Result<()> {
    shell::run(Command::new("umoci").args(words))
}
