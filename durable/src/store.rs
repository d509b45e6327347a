//! Opening, committing and naming trees.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;

use crate::error::{Error, OpenError};
use crate::group::Group;
use crate::options::Options;
use crate::tree::{Tree, guard, panic_text};

/// How long a store waits for an earlier handle of the same process to let go of its lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Space asked for at once, beyond the end of the log: a couple of segments. What is not used goes with the file.
const RESERVE_BYTES: u64 = 2 << 20;

/// With less than this free on the disk nothing is reserved: what is left may be wanted by others, and by a ballast.
const ROOMY_BYTES: u64 = 32 * RESERVE_BYTES;

/// The file in a store's folder that holds its log.
const LOG_FILE: &str = "db";

/// The file that holds the segment size, which sled writes at the first open and does not sync.
const SETTINGS_FILE: &str = "conf";

/// A durable set of named trees in one folder. Cheap to clone; the last clone to drop closes it.
#[derive(Clone)]
pub struct Store {
    db: sled::Db,
    /// A second descriptor of the log, for the sync that sled leaves out.
    log: Arc<File>,
    commits: Arc<Group>,
    /// Up to where the file system was asked for space.
    reserved: Arc<AtomicU64>,
    limit: usize,
    dir: PathBuf,
}

impl Store {
    /// Opens the store in `dir`, creating both when absent. The store, the folder and its entry in the parent folder
    /// are durable on return.
    ///
    /// # Errors
    /// [`OpenError`]; never a panic. On [`OpenError::Corrupt`] move the folder away: what is in it is lost to sled.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let dir = dir.as_ref();
        let io = |source| OpenError::Io { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(io)?;
        remove_unfinished_snapshots(dir).map_err(io)?;
        let db = open_patiently(dir, &options)?;
        let log = File::options().read(true).write(true).open(dir.join(LOG_FILE)).map_err(io)?;
        let store = Self {
            db,
            log: Arc::new(log),
            commits: Arc::default(),
            reserved: Arc::default(),
            limit: options.value_limit_bytes(),
            dir: dir.to_owned(),
        };
        store.commit().map_err(|error| open_error(dir, error))?;
        let settings = File::open(dir.join(SETTINGS_FILE)).and_then(|file| file.sync_all());
        settings.and_then(|()| sync_dir(dir)).and_then(|()| sync_dir(parent(dir))).map_err(io)?;
        Ok(store)
    }

    /// The tree called `name`, created when absent.
    pub fn tree(&self, name: impl AsRef<[u8]>) -> Result<Tree, Error> {
        guard(|| self.db.open_tree(name)).map(|tree| Tree::new(tree, self.limit))
    }

    /// Removes the tree called `name` and all its entries; `false` when there was none.
    pub fn drop_tree(&self, name: impl AsRef<[u8]>) -> Result<bool, Error> {
        guard(|| self.db.drop_tree(name))
    }

    /// The names of all trees, in no order; sled's own default tree is left out.
    #[must_use]
    pub fn tree_names(&self) -> Vec<Vec<u8>> {
        let own: &[u8] = b"__sled__default";
        self.db.tree_names().iter().filter(|name| *name != own).map(|name| name.to_vec()).collect()
    }

    /// Makes every write of this thread so far durable, together with everybody else's who is waiting for the same.
    ///
    /// # Errors
    /// [`Error::Io`]. The store then refuses every later commit; open it again to know what it holds.
    pub fn commit(&self) -> Result<(), Error> {
        self.commits.run(|| {
            self.reserve();
            guard(|| self.db.flush())?;
            self.log.sync_data().map_err(Error::from)
        })
    }

    /// Asks the file system for the space of many commits at once. Without it each commit that grows the file allocates
    /// anew, and the file system's journal carries that bookkeeping every time. A file system that cannot is no
    /// error, and a disk that is nearly full is left alone: the commit then allocates what it needs.
    fn reserve(&self) {
        let Ok(len) = self.log.metadata().map(|log| log.len()) else { return };
        let reserved = self.reserved.load(Ordering::Relaxed);
        let is_roomy = || rustix::fs::fstatvfs(&*self.log).is_ok_and(|fs| fs.f_bavail.saturating_mul(fs.f_frsize) > ROOMY_BYTES);
        if len + RESERVE_BYTES / 2 > reserved && is_roomy() {
            let from = reserved.max(len);
            let _as_it_is = rustix::fs::fallocate(&*self.log, FallocateFlags::KEEP_SIZE, from, RESERVE_BYTES);
            self.reserved.store(from + RESERVE_BYTES, Ordering::Relaxed);
        }
    }

    /// Bytes the log takes on disk.
    pub fn log_bytes(&self) -> Result<u64, Error> {
        Ok(self.log.metadata()?.len())
    }

    /// The store's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// sled gives up its lock when the threads of an earlier handle have ended, a moment after the handle is dropped.
fn open_patiently(dir: &Path, options: &Options) -> Result<sled::Db, OpenError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match open_once(dir, options) {
            Err(OpenError::Locked { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

fn open_once(dir: &Path, options: &Options) -> Result<sled::Db, OpenError> {
    let flush_every_ms = u64::try_from(options.flush_every.as_millis()).unwrap_or(u64::MAX).max(1);
    let config = sled::Config::new()
        .path(dir)
        .segment_size(options.segment_bytes)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(flush_every_ms));
    let dir = dir.to_owned();
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(source))) if source.to_string().contains("could not acquire lock") => Err(OpenError::Locked { dir }),
        Ok(Err(sled::Error::Io(source))) if source.kind() == io::ErrorKind::UnexpectedEof => {
            Err(OpenError::Corrupt { dir, reason: source.to_string() })
        }
        Ok(Err(sled::Error::Io(source))) => Err(OpenError::Io { dir, source }),
        Ok(Err(sled::Error::Unsupported(reason))) => Err(OpenError::Options { dir, reason }),
        Ok(Err(error)) => Err(OpenError::Corrupt { dir, reason: error.to_string() }),
        Err(panic) => Err(OpenError::Corrupt { dir, reason: panic_text(panic.as_ref()) }),
    }
}

fn open_error(dir: &Path, error: Error) -> OpenError {
    let dir = dir.to_owned();
    match error {
        Error::Io { reason, disk_full: true } => OpenError::Io { dir, source: io::Error::new(io::ErrorKind::StorageFull, reason) },
        Error::Io { reason, .. } => OpenError::Io { dir, source: io::Error::other(reason) },
        other => OpenError::Corrupt { dir, reason: other.to_string() },
    }
}

/// A snapshot that was being written when the power went makes sled's next open fail; it holds nothing of its own.
fn remove_unfinished_snapshots(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
            tracing::info!(snapshot = %entry.path().display(), "Removed an unfinished snapshot");
        }
    }
    Ok(())
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parent(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
