//! The writing side: one thread, which syncs once for everything that arrived during the sync before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::ports::{Clock, Publisher};
use domain::{Message, PortError};
use protocol::TopicName;
use tokio::sync::{mpsc, oneshot};

use super::append::OpenTopic;
use super::topic_dir;

/// Batches waiting to be written. Each is at most one connection's window.
const QUEUED_BATCHES: usize = 1024;
/// Batches written under one sync: what keeps the wait of the first one short.
const GROUP_BATCHES: usize = 256;

type Answer = Result<u64, PortError>;

struct Batch {
    topic: TopicName,
    messages: Vec<Message>,
    answer: oneshot::Sender<Answer>,
}

/// What the writer does, in order.
enum Job {
    Append(Batch),
    /// Makes a topic; answers whether there was none.
    Create(TopicName, oneshot::Sender<Result<bool, PortError>>),
    /// Removes a topic with its messages; answers whether there was one.
    Delete(TopicName, oneshot::Sender<Result<bool, PortError>>),
}

/// Publishes to topics on disk. Clones share one writer; it ends, with everything written, when the last one drops.
#[derive(Clone)]
pub struct TopicLog {
    root: Arc<Path>,
    queue: mpsc::Sender<Job>,
    dropped: Arc<AtomicU64>,
}

impl TopicLog {
    /// A log under `root`, created if absent.
    pub fn open(root: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let (queue, batches) = mpsc::channel(QUEUED_BATCHES);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { root: root.to_owned(), clock, topics: HashMap::new(), dropped: dropped.clone() };
        std::thread::Builder::new().name("topic-log".into()).spawn(move || writer.run(batches))?;
        Ok(Self { root: root.into(), queue, dropped })
    }

    /// Segments dropped since the start because their topic was at its bound.
    pub fn dropped_segments(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether there is such a topic: somebody made it, or published to it.
    pub async fn exists(&self, topic: &TopicName) -> Result<bool, PortError> {
        let dir = topic_dir(&self.root, topic);
        tokio::task::spawn_blocking(move || dir.is_dir()).await.map_err(|e| PortError::passing("publisher", e))
    }

    /// Makes a topic; false when there is one already. Publishing makes it too.
    pub async fn create(&self, topic: &TopicName) -> Result<bool, PortError> {
        self.change(|answer| Job::Create(topic.clone(), answer)).await
    }

    /// Removes a topic with its messages; false when there is none. Who reads it goes on to the end of its open segment.
    pub async fn delete(&self, topic: &TopicName) -> Result<bool, PortError> {
        self.change(|answer| Job::Delete(topic.clone(), answer)).await
    }

    async fn change(&self, job: impl FnOnce(oneshot::Sender<Result<bool, PortError>>) -> Job) -> Result<bool, PortError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(job(answer)).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn gone() -> PortError {
    PortError::lasting("publisher", "the topic log's writer has ended")
}

#[async_trait]
impl Publisher for TopicLog {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        let count = messages.len();
        let (answer, answered) = oneshot::channel();
        let batch = Batch { topic: topic.clone(), messages, answer };
        let first = match self.queue.send(Job::Append(batch)).await {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(gone()),
        };
        (0..count as u64).map(|i| first.clone().map(|first| (first + i).to_string())).collect()
    }
}

struct Writer {
    root: PathBuf,
    clock: Arc<dyn Clock>,
    topics: HashMap<TopicName, OpenTopic>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP_BATCHES);
        while jobs.blocking_recv_many(&mut group, GROUP_BATCHES) > 0 {
            let mut written = Vec::with_capacity(group.len());
            for job in group.drain(..) {
                match job {
                    Job::Append(batch) => {
                        let first = self.append(&batch).map_err(|e| failed(&batch.topic, &e));
                        written.push((batch, first));
                    }
                    // Here too, who no longer waits has gone.
                    Job::Create(topic, answer) => drop(answer.send(self.create(&topic).map_err(|e| failed(&topic, &e)))),
                    Job::Delete(topic, answer) => drop(answer.send(self.delete(&topic).map_err(|e| failed(&topic, &e)))),
                }
            }
            // What could not be synced may be gone from the cache too: the topic is opened, and its lines counted, anew.
            self.topics.retain(|topic, open| {
                let synced = open.sync();
                if let Err(e) = &synced {
                    let here = written.iter_mut().filter(|(b, _)| b.topic == *topic);
                    here.for_each(|(_, first)| *first = Err(failed(topic, e)));
                }
                synced.is_ok()
            });
            for (batch, first) in written {
                // Whoever no longer waits has closed its connection; its messages are safe all the same.
                let _gone = batch.answer.send(first);
            }
            self.close_most();
        }
    }

    fn open(&mut self, topic: &TopicName) -> io::Result<&mut OpenTopic> {
        match self.topics.entry(topic.clone()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(absent) => Ok(absent.insert(OpenTopic::open(&topic_dir(&self.root, topic), topic.as_str())?)),
        }
    }

    fn create(&mut self, topic: &TopicName) -> io::Result<bool> {
        let is_new = !topic_dir(&self.root, topic).is_dir();
        self.open(topic).map(|_| is_new)
    }

    fn delete(&mut self, topic: &TopicName) -> io::Result<bool> {
        self.topics.remove(topic);
        let dir = topic_dir(&self.root, topic);
        match std::fs::remove_dir_all(&dir) {
            Ok(()) => File::open(dir.parent().unwrap_or(&self.root))?.sync_all().map(|()| true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn append(&mut self, batch: &Batch) -> io::Result<u64> {
        let now = self.clock.now();
        let (first, dropped) = self.open(&batch.topic)?.append(&batch.messages, now)?;
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        Ok(first)
    }

    /// Keeps open files bounded: past 64 topics all are closed and opened again as they are needed.
    fn close_most(&mut self) {
        if self.topics.len() > 64 {
            self.topics.clear();
        }
    }
}

fn failed(topic: &TopicName, e: &io::Error) -> PortError {
    PortError::passing("publisher", format!("topic log of `{topic}`: {e}"))
}
