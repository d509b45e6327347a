//! Uploads: part by part, and the last part only when all was right.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::objects::{ObjectInfo, ObjectName, Upload, Uploaded};
use domain::{PortError, Timestamp};
use futures_util::stream::{Fuse, StreamExt as _};
use google_cloud_storage::model::Object;
use google_cloud_storage::streaming_source::StreamingSource;

use super::client::Client;
use super::error::{Doing, failed, silent};
use super::{PART, STALL_LIMIT, bucket, etag};

/// How often is looked whether Cloud Storage has become silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Ends the upload before its last part is sent; why stands in [`Progress`].
#[derive(Debug, thiserror::Error)]
#[error("the upload ends here")]
struct Ends;

/// What has come, and who is waited for.
#[derive(Default)]
struct Progress {
    arrived: u32,
    ended: Option<Uploaded>,
    /// Since when Cloud Storage has what it asked for; `None` while the device is waited for.
    handed_over: Option<Instant>,
}

type Shared = Arc<Mutex<Progress>>;

fn lock(progress: &Shared) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The upload as the client library reads it.
struct Source {
    // The library wants `Sync`; nobody ever waits for this.
    content: Mutex<Fuse<Upload>>,
    announced: Option<u32>,
    progress: Shared,
}

impl StreamingSource for Source {
    type Error = Ends;

    async fn next(&mut self) -> Option<Result<Bytes, Ends>> {
        lock(&self.progress).handed_over = None;
        let content = self.content.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chunk = content.next().await;
        let mut progress = lock(&self.progress);
        progress.handed_over = Some(Instant::now());
        match chunk {
            Some(Ok(bytes)) => {
                progress.arrived = crc32c::crc32c_append(progress.arrived, &bytes);
                return Some(Ok(bytes));
            }
            Some(Err(why)) => progress.ended = Some(Uploaded::Interrupted(why)),
            None if self.announced.is_some_and(|announced| announced != progress.arrived) => {
                progress.ended = Some(Uploaded::Mismatch { arrived: progress.arrived });
            }
            None => {}
        }
        progress.ended.is_some().then_some(Err(Ends))
    }
}

pub(super) async fn write(client: &Client, name: &ObjectName, content: Upload, announced: Option<u32>) -> Result<Uploaded, PortError> {
    let progress = Shared::default();
    let source = Source { content: Mutex::new(content.fuse()), announced, progress: progress.clone() };
    let request = client.storage.write_object(bucket(name), name.object(), source);
    let request = match announced {
        Some(crc32c) => request.with_known_crc32c(crc32c),
        None => request,
    };
    lock(&progress).handed_over = Some(Instant::now());
    let sent = tokio::select! {
        sent = request.send_buffered() => sent,
        never = watch(&progress) => match never { Ok(never) => match never {}, Err(Silent) => return Err(silent(name)) },
    };
    if let Some(ended) = lock(&progress).ended.take() {
        return Ok(ended);
    }
    let object = sent.map_err(|e| failed(name, Doing::Writing, &e))?;
    let arrived = lock(&progress).arrived;
    info(&object, arrived).map(Uploaded::Stored).ok_or_else(|| odd(name, &object, arrived))
}

struct Silent;

/// Ends when Cloud Storage has been silent for too long. The device may take the time it needs.
async fn watch(progress: &Shared) -> Result<Infallible, Silent> {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if lock(progress).handed_over.is_some_and(|since| since.elapsed() > STALL_LIMIT) {
            return Err(Silent);
        }
    }
}

/// The object as Cloud Storage has it; `None` if that is not what arrived here.
fn info(object: &Object, arrived: u32) -> Option<ObjectInfo> {
    let generation = u64::try_from(object.generation).ok()?;
    let kept = object.checksums.as_ref().and_then(|sums| sums.crc32c);
    let written = object.update_time.as_ref().or(object.create_time.as_ref())?;
    let updated = Timestamp(written.seconds() * 1_000_000 + i64::from(written.nanos()) / 1_000);
    let size = u64::try_from(object.size).ok()?;
    let info = ObjectInfo { size, generation, etag: etag(generation), crc32c: Some(arrived), updated };
    kept.is_none_or(|kept| kept == arrived).then_some(info)
}

fn odd(name: &ObjectName, object: &Object, arrived: u32) -> PortError {
    let kept = object.checksums.as_ref().and_then(|sums| sums.crc32c).unwrap_or_default();
    let text = format!("`{name}`: generation {} has crc32c {kept:08x}, what arrived here has {arrived:08x}", object.generation);
    PortError::lasting(PART, text)
}
