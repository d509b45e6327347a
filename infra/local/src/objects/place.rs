//! Where an object's file is, and what it is at the moment.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::objects::ObjectName;

/// Folder of unfinished uploads. No bucket has a name like it.
const UPLOADS: &str = ".uploads";

/// The folder that holds everything.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
}

/// A regular file at one moment. Equal stamps mean equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Time of change in nanoseconds since the epoch.
    pub(super) generation: u64,
    pub(super) size: u64,
    inode: u64,
}

impl Stamp {
    /// `None` for what is no regular file.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        let generation = u64::try_from(nanos).unwrap_or(0);
        metadata.is_file().then(|| Self { generation, size: metadata.len(), inode: metadata.ino() })
    }

    pub(super) fn etag(&self) -> String {
        format!("{:x}-{:x}-{:x}", self.generation, self.size, self.inode)
    }

    pub(super) fn updated(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.generation)
    }
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let uploads = path.join(UPLOADS);
        fs::create_dir_all(&uploads)?;
        for left in fs::read_dir(&uploads)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { path: path.to_owned() })
    }

    /// A bucket's folder.
    pub(super) fn bucket(&self, bucket: &str) -> PathBuf {
        self.path.join(bucket)
    }

    /// A file for an upload, under a name that nobody else has.
    pub(super) fn upload(&self) -> io::Result<(PathBuf, File)> {
        let path = self.path.join(UPLOADS).join(format!("{:032x}", rand::random::<u128>()));
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((path, file))
    }

    /// The object's file and its stamp; `None` when there is none, or a link or a folder stands in its place.
    pub(super) fn find(&self, name: &ObjectName) -> io::Result<Option<(PathBuf, Stamp)>> {
        let mut path = self.path.clone();
        let mut stamp = None;
        for segment in segments(name) {
            path.push(segment);
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_symlink() => return Ok(None),
                Ok(metadata) => metadata,
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
                Err(e) => return Err(e),
            };
            stamp = Stamp::of(&metadata);
        }
        Ok(stamp.map(|stamp| (path, stamp)))
    }

    /// The object's path, its folders made and durable. Fails where a link or a file stands in the way.
    pub(super) fn prepare(&self, name: &ObjectName) -> io::Result<PathBuf> {
        let mut path = self.path.clone();
        let mut segments = segments(name).peekable();
        while let Some(segment) = segments.next() {
            let parent = path.clone();
            path.push(segment);
            if segments.peek().is_none() {
                break;
            }
            match fs::create_dir(&path) {
                Ok(()) => File::open(parent)?.sync_all()?,
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    if !fs::symlink_metadata(&path)?.is_dir() {
                        let text = format!("{} is not a folder, so nothing can be kept below it", path.display());
                        return Err(io::Error::new(ErrorKind::NotADirectory, text));
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(path)
    }
}

/// Bucket and segments. [`ObjectName`] has none that could lead elsewhere.
fn segments(name: &ObjectName) -> impl Iterator<Item = &str> {
    std::iter::once(name.bucket()).chain(name.object().split('/'))
}
