//! The file system that is measured, and the counters of its device.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// The size of the image: sparse, it takes what is written.
const IMAGE_BYTES: u64 = 6 << 30;

/// Bytes of a sector in the kernel's counters, whatever the device's own.
const SECTOR_BYTES: u64 = 512;

pub(crate) struct Volume {
    folder: TempDir,
    mounted: bool,
}

impl Volume {
    /// An ext4 on a loop device, or else the disk of the temporary folder.
    pub(crate) fn new() -> Result<Self> {
        let mut volume = Self { folder: tempfile::tempdir()?, mounted: false };
        fs::create_dir(volume.path())?;
        volume.mounted = volume.make().inspect_err(|error| eprintln!("no file system of our own: {error:#}")).is_ok();
        Ok(volume)
    }

    /// What is measured, for the reader of the figures.
    pub(crate) fn description(&self) -> &'static str {
        if self.mounted {
            "measured on an ext4 of its own, on a loop device"
        } else {
            "measured on the disk of the temporary folder: device bytes are those of every process on it"
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    /// An empty folder called `name`, whatever was there.
    pub(crate) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn make(&self) -> Result<()> {
        fs::File::create(self.image())?.set_len(IMAGE_BYTES)?;
        run("mkfs.ext4", &[Path::new("-q"), Path::new("-F"), &self.image()])?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        run("mount", &[Path::new("-o"), Path::new("loop"), &self.image(), &self.path()])
    }

    /// Makes every file cold: unmounts and mounts again. Does nothing on a shared disk.
    pub(crate) fn cool(&self) -> Result<()> {
        if self.mounted {
            run("umount", &[&self.path()])?;
            self.mount()?;
        }
        Ok(())
    }

    /// Bytes written to the device so far, after everything was written out.
    pub(crate) fn written(&self) -> Result<u64> {
        run("sync", &[Path::new("-f"), &self.path()])?;
        let device = fs::metadata(self.path())?.dev();
        // The kernel's layout of dev_t: major in bits 8 to 19, minor below and above.
        let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
        let path = format!("/sys/dev/block/{major}:{minor}/stat");
        let stat = fs::read_to_string(&path).with_context(|| path)?;
        let sectors: u64 = stat.split_whitespace().nth(6).context("no sectors written in stat")?.parse()?;
        Ok(sectors * SECTOR_BYTES)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &[&self.path()]);
        }
    }
}

fn run(program: &str, arguments: &[&Path]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
