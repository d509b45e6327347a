//! What the cloud says to the device: the last configuration, and commands.
//!
//! - The configuration is durable in a file before the cloud gets its acknowledgement, so local programs get the last
//!   one known even when the line is down.
//! - Commands are asked for only while somebody local wants them; otherwise the cloud tells their sender that the
//!   device is not subscribed. The cloud gets its acknowledgement when the first local subscriber took the command.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

/// Commands that may wait for one local subscriber; further ones are dropped for it and counted.
const MAX_WAITING_COMMANDS: usize = 16;

/// Resolves when somebody took a command; an error when nobody will.
pub type Taken = oneshot::Receiver<()>;

/// A command on its way to one local subscriber.
#[derive(Debug, Clone)]
pub struct Command {
    /// What follows `commands/`, empty when nothing does.
    pub subfolder: Arc<str>,
    /// The payload.
    pub payload: Bytes,
    taken: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

impl Command {
    /// The local subscriber has it.
    pub fn taken(self) {
        if let Some(taken) = self.taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever waited may be gone with its session: then the cloud sends the command again.
            let _told = taken.send(());
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Downlink {
    file: PathBuf,
    config: watch::Sender<Option<Bytes>>,
    wanted: watch::Sender<bool>,
    subscribers: Mutex<Subscribers>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Subscribers {
    next: u64,
    queues: HashMap<u64, mpsc::Sender<Command>>,
}

impl Downlink {
    /// Reads the last configuration known in `dir`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(dir: &Path) -> io::Result<Arc<Self>> {
        let file = dir.join("config.last");
        let known = match std::fs::read(&file) {
            Ok(bytes) => Some(Bytes::from(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let (config, wanted) = (watch::Sender::new(known), watch::Sender::new(false));
        Ok(Arc::new(Self { file, config, wanted, subscribers: Mutex::default(), dropped: AtomicU64::new(0) }))
    }

    /// Keeps a configuration, durably, and passes it on.
    ///
    /// # Errors
    /// When the disk fails: then it is not passed on.
    pub async fn store_config(&self, payload: Bytes) -> io::Result<()> {
        if self.config.borrow().as_ref() == Some(&payload) {
            return Ok(());
        }
        let (file, bytes) = (self.file.clone(), payload.clone());
        tokio::task::spawn_blocking(move || crate::files::replace(&file, &bytes)).await.map_err(io::Error::other)??;
        self.config.send_replace(Some(payload));
        Ok(())
    }

    /// The last configuration known, `None` before the cloud ever sent one; follows further ones.
    #[must_use]
    pub fn config(&self) -> watch::Receiver<Option<Bytes>> {
        self.config.subscribe()
    }

    /// Whether anybody wants commands; follows changes.
    #[must_use]
    pub fn commands_wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    /// Commands from now on, until the subscription is dropped.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>) -> Subscription {
        let (queue, commands) = mpsc::channel(MAX_WAITING_COMMANDS);
        let mut subscribers = self.subscribers();
        let id = subscribers.next;
        subscribers.next += 1;
        subscribers.queues.insert(id, queue);
        self.wanted.send_replace(true);
        Subscription { id, commands, downlink: Arc::clone(self) }
    }

    /// Passes a command to every subscriber.
    pub fn deliver(&self, subfolder: String, payload: Bytes) -> Taken {
        let (taken, told) = oneshot::channel();
        let command = Command { subfolder: subfolder.into(), payload, taken: Arc::new(Mutex::new(Some(taken))) };
        for queue in self.subscribers().queues.values() {
            if queue.try_send(command.clone()).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        told
    }

    /// Commands that a subscriber had no room for, since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One local subscriber's commands.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    commands: mpsc::Receiver<Command>,
    downlink: Arc<Downlink>,
}

impl Subscription {
    /// The next command. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Command> {
        self.commands.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut subscribers = self.downlink.subscribers();
        subscribers.queues.remove(&self.id);
        if subscribers.queues.is_empty() {
            self.downlink.wanted.send_replace(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_configuration_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let downlink = Downlink::open(dir.path()).unwrap();
        assert_eq!(*downlink.config().borrow(), None);
        downlink.store_config("a".into()).await.unwrap();
        downlink.store_config(Bytes::new()).await.unwrap();
        assert_eq!(*Downlink::open(dir.path()).unwrap().config().borrow(), Some(Bytes::new()));
    }

    #[tokio::test]
    async fn a_command_is_taken_once_by_whoever_is_first_and_by_nobody_when_nobody_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let downlink = Downlink::open(dir.path()).unwrap();
        assert!(downlink.deliver(String::new(), "lost".into()).await.is_err());
        let (mut first, second) = (downlink.subscribe(), downlink.subscribe());
        assert!(*downlink.commands_wanted().borrow());
        let taken = downlink.deliver("door".into(), "open".into());
        let command = first.next().await.unwrap();
        assert_eq!((&*command.subfolder, &command.payload[..]), ("door", &b"open"[..]));
        command.taken();
        assert!(taken.await.is_ok());
        drop((first, second));
        assert!(!*downlink.commands_wanted().borrow());
    }

    #[tokio::test]
    async fn a_subscriber_that_does_not_read_costs_a_bounded_queue() {
        let dir = tempfile::tempdir().unwrap();
        let downlink = Downlink::open(dir.path()).unwrap();
        let _lazy = downlink.subscribe();
        let _waiting: Vec<_> = (0..20).map(|_| downlink.deliver(String::new(), "x".into())).collect();
        assert_eq!(downlink.dropped(), 4);
    }
}
