//! Removing objects, and buckets as such. The port does not need it; who stands in for Cloud Storage does.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use domain::PortError;
use domain::objects::ObjectName;

use super::{FolderObjects, PART, blocking, failed};

/// How the removal of a bucket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketRemoved {
    /// It is gone.
    Removed,
    /// There is none.
    Absent,
    /// Something is in it.
    NotEmpty,
}

impl FolderObjects {
    /// Removes an object, of this generation if one is given; false when it is not there. Gone for good once answered.
    pub async fn delete(&self, name: &ObjectName, generation: Option<u64>) -> Result<bool, PortError> {
        let _in_turn = self.commit.lock().await;
        let (objects, removed) = (self.clone(), name.clone());
        blocking(move || remove(&objects, &removed, generation)).await.map_err(|e| failed(name, &e))
    }

    /// Whether there is such a bucket. `bucket` is one of an [`ObjectName`].
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, PortError> {
        let path = self.root.bucket(bucket);
        blocking(move || Ok(path.is_dir())).await.map_err(|e| PortError::passing(PART, e))
    }

    /// Makes a bucket; false when there is one. Writing an object makes it too.
    pub async fn create_bucket(&self, bucket: &str) -> Result<bool, PortError> {
        let path = self.root.bucket(bucket);
        let made = blocking(move || match fs::create_dir(&path) {
            Ok(()) => sync_parent(&path).map(|()| true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e),
        });
        made.await.map_err(|e| PortError::passing(PART, format!("bucket `{bucket}`: {e}")))
    }

    /// Removes a bucket that is empty.
    pub async fn delete_bucket(&self, bucket: &str) -> Result<BucketRemoved, PortError> {
        let _in_turn = self.commit.lock().await;
        let path = self.root.bucket(bucket);
        let removed = blocking(move || match fs::remove_dir(&path) {
            Ok(()) => sync_parent(&path).map(|()| BucketRemoved::Removed),
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(BucketRemoved::NotEmpty),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(BucketRemoved::Absent),
            Err(e) => Err(e),
        });
        removed.await.map_err(|e| PortError::passing(PART, format!("bucket `{bucket}`: {e}")))
    }
}

fn remove(objects: &FolderObjects, name: &ObjectName, generation: Option<u64>) -> io::Result<bool> {
    let Some((path, stamp)) = objects.root.find(name)? else { return Ok(false) };
    if generation.is_some_and(|wanted| wanted != stamp.generation) {
        return Ok(false);
    }
    fs::remove_file(&path)?;
    sync_parent(&path)?;
    prune(&path, &objects.root.bucket(name.bucket()))
}

/// Removes the folders that only led to the object, so that a bucket without objects is empty. The bucket stays.
fn prune(path: &Path, bucket: &PathBuf) -> io::Result<bool> {
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != bucket) {
        match fs::remove_dir(folder) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => break,
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
