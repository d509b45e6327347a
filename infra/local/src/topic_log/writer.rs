//! The writing side: one thread, which syncs once for everything that arrived during the sync before.

use std::collections::HashMap;
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

/// Publishes to topics on disk. Clones share one writer; it ends, with everything written, when the last one drops.
#[derive(Clone)]
pub struct TopicLog {
    queue: mpsc::Sender<Batch>,
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
        Ok(Self { queue, dropped })
    }

    /// Segments dropped since the start because their topic was at its bound.
    pub fn dropped_segments(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Publisher for TopicLog {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        let count = messages.len();
        let (answer, answered) = oneshot::channel();
        let batch = Batch { topic: topic.clone(), messages, answer };
        let gone = || PortError::lasting("publisher", "the topic log's writer has ended");
        let first = match self.queue.send(batch).await {
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
    fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        let mut group = Vec::with_capacity(GROUP_BATCHES);
        while batches.blocking_recv_many(&mut group, GROUP_BATCHES) > 0 {
            let mut written = Vec::with_capacity(group.len());
            for batch in group.drain(..) {
                let first = self.append(&batch).map_err(|e| failed(&batch.topic, &e));
                written.push((batch, first));
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

    fn append(&mut self, batch: &Batch) -> io::Result<u64> {
        let open = match self.topics.entry(batch.topic.clone()) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(absent) => {
                let dir = topic_dir(&self.root, &batch.topic);
                absent.insert(OpenTopic::open(&dir, batch.topic.as_str())?)
            }
        };
        let (first, dropped) = open.append(&batch.messages, self.clock.now())?;
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
