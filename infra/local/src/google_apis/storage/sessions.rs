//! Resumable uploads under way.
//!
//! The bytes of each go through a channel into one `write` of the store, which shows the object only when the last came.
//! Bounds: 100 uploads at once and 4 chunks waiting for the disk in each; past the first, beginning is refused. One that
//! nobody touches for an hour ends, and all end with this process; nothing of them is kept. At Google they live a week.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::PortError;
use domain::objects::{Interruption, ObjectInfo, ObjectName, Uploaded};
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::FolderObjects;
use crate::objects::Written;

const MAX_SESSIONS: usize = 100;
const WAITING_CHUNKS: usize = 4;
const IDLE: Duration = Duration::from_secs(3600);

enum Part {
    Bytes(Bytes),
    /// The object is whole. A channel that closes without it was abandoned.
    End,
}

type Ending = JoinHandle<Result<Written, PortError>>;

/// One upload. Whoever feeds it holds its lock.
pub(super) struct Session {
    pub(super) name: ObjectName,
    /// Bytes that came so far.
    pub(super) received: u64,
    /// `None` once it has ended.
    feed: Option<(mpsc::Sender<Part>, Ending)>,
    pub(super) stored: Option<ObjectInfo>,
    touched: Instant,
}

/// By an id that nobody guesses: whoever knows it may go on with the upload, as at Google.
#[derive(Default)]
pub(super) struct Sessions(StdMutex<HashMap<String, Arc<Mutex<Session>>>>);

impl Sessions {
    /// Begins an upload; `None` when there are too many.
    pub(super) fn begin(&self, objects: &FolderObjects, name: ObjectName, expected: Option<u64>, crc32c: Option<u32>) -> Option<String> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is being fed is locked, and not idle.
        sessions.retain(|_, session| session.try_lock().map_or(true, |s| s.touched.elapsed() < IDLE));
        if sessions.len() >= MAX_SESSIONS {
            return None;
        }
        let (feed, parts) = mpsc::channel(WAITING_CHUNKS);
        let content = stream::unfold(Some(parts), next).boxed();
        let (objects, target) = (objects.clone(), name.clone());
        let ending = tokio::spawn(async move { objects.write_if(&target, content, crc32c, expected).await });
        let id = format!("{:032x}", rand::random::<u128>());
        let session = Session { name, received: 0, feed: Some((feed, ending)), stored: None, touched: Instant::now() };
        sessions.insert(id.clone(), Arc::new(Mutex::new(session)));
        Some(id)
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Mutex<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The most there are at once, for a message.
    pub(super) const LIMIT: usize = MAX_SESSIONS;
}

async fn next(parts: Option<mpsc::Receiver<Part>>) -> Option<(Result<Bytes, Interruption>, Option<mpsc::Receiver<Part>>)> {
    let mut parts = parts?;
    match parts.recv().await {
        Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(parts))),
        Some(Part::End) => None,
        None => Some((Err(Interruption::Cut("the upload was given up".into())), None)),
    }
}

impl Session {
    /// Takes bytes that follow those before. `Err` when the store has ended the upload: [`Self::finish`] says why.
    pub(super) async fn take(&mut self, bytes: Bytes) -> Result<(), ()> {
        let Some((feed, _)) = &self.feed else { return Err(()) };
        let length = bytes.len() as u64;
        feed.send(Part::Bytes(bytes)).await.map_err(|_| ())?;
        (self.received, self.touched) = (self.received + length, Instant::now());
        Ok(())
    }

    /// The end of it.
    pub(super) async fn finish(&mut self) -> Result<Written, PortError> {
        let Some((feed, ending)) = self.feed.take() else {
            return Ok(Written::Uploaded(Uploaded::Interrupted(Interruption::Cut("the upload has ended".into()))));
        };
        // A store that has ended early does not listen; its answer says why.
        let _listens = feed.send(Part::End).await;
        let written = ending.await.unwrap_or_else(|e| Err(PortError::passing("objects", e)))?;
        if let Written::Uploaded(Uploaded::Stored(info)) = &written {
            self.stored = Some(info.clone());
        }
        Ok(written)
    }
}
