//! Small file systems of our own, to cut and to fill. They need root, mount(8), fsfreeze(8), mkfs.ext4(8) and perl(1); where those
//! cannot be had, a test fails and says so, unless `DRAWBRIDGE_POWER_CUT=off` waives it.

#![allow(clippy::expect_used, reason = "a test that has no disk fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Set to `off` where no file system can be mounted: the tests that need one then do nothing, and say so.
const SWITCH: &str = "DRAWBRIDGE_POWER_CUT";

/// A mounted file system that goes with its folder.
pub struct Disk {
    folder: TempDir,
    options: &'static str,
}

impl Disk {
    /// An ext4 of `megabytes` on a loop device. `None` when switched off.
    ///
    /// # Panics
    /// When it cannot be made, with what is missing.
    pub fn ext4(megabytes: u64) -> Option<Self> {
        let disk = Self::new("loop")?;
        let image = std::fs::File::create(disk.image()).expect("an image file");
        image.set_len(megabytes << 20).expect("an image file");
        run("mkfs.ext4", ["-q", "-F", "-m", "0"].map(Path::new).into_iter().chain([disk.image().as_path()]));
        disk.mount();
        Some(disk)
    }

    fn new(options: &'static str) -> Option<Self> {
        if std::env::var(SWITCH).is_ok_and(|value| value == "off") {
            eprintln!("{SWITCH}=off: nothing was tested");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("mnt")).expect("a mount point");
        Some(Self { folder, options })
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount(&self) {
        run("mount", [Path::new("-o"), Path::new(self.options), &self.image(), &self.path()]);
    }

    /// Cuts the power: whatever the kernel has not written to the device is lost, and every open file fails. Ends when
    /// the file system is mounted again. Nobody may be left who has a file open.
    pub fn cut(&self, before_mounting: impl FnOnce()) {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: _IOR('X', 125, __u32) and 2.
        let script = r#"open(my $d, "<", $ARGV[0]) or die $!; my $how = pack("L", 2); ioctl($d, 0x8004587d, $how) or die $!"#;
        run("perl", [Path::new("-e"), Path::new(script), &self.path()]);
        before_mounting();
        run("umount", [self.path().as_path()]);
        self.mount();
    }

    /// A disk that hangs: every write to it waits until the guard is dropped.
    pub fn freeze(&self) -> Frozen {
        run("fsfreeze", [Path::new("-f"), &self.path()]);
        Frozen(self.path())
    }
}

/// Thaws the disk when dropped.
pub struct Frozen(PathBuf);

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(&self.0).status();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).stderr(Stdio::null()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = Command::new("umount").arg("-l").arg(self.path()).status();
        }
    }
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a Path>) {
    let help = format!("this test needs root, loop devices, mount, mkfs.ext4 and perl, or {SWITCH}=off");
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}; {help}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {said}; {help}");
}

/// A file that takes all space left on a disk, until it is dropped.
pub struct Filler(PathBuf);

impl Filler {
    /// Takes all the space of the file system that `disk` is on.
    pub fn new(disk: &Path) -> Self {
        use std::io::Write;
        let path = disk.join("filler");
        let mut file = std::fs::File::create(&path).expect("a file");
        for size in [1 << 20, 1 << 16, 1 << 12, 1 << 9] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        let _ = file.sync_all();
        Self(path)
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
