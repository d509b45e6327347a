//! A publisher that keeps what it was given, and that can be slow, stalled or failing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::Publisher;
use domain::{Message, PortError};
use protocol::TopicName;
use tokio::sync::watch;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Prompt,
    Slow(Duration),
    Stalled,
    Failing { retryable: bool },
}

pub struct Sink {
    pub mood: watch::Sender<Mood>,
    pub taken: Mutex<Vec<(String, Message)>>,
    pub calls: AtomicUsize,
}

impl Default for Sink {
    fn default() -> Self {
        Self { mood: watch::Sender::new(Mood::Prompt), taken: Mutex::default(), calls: AtomicUsize::new(0) }
    }
}

impl Sink {
    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub fn len(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    /// Payloads as text with the last segment of their topic.
    pub fn texts(&self) -> Vec<(String, String)> {
        let text = |m: &Message| String::from_utf8_lossy(&m.data).into_owned();
        self.taken.lock().unwrap().iter().map(|(t, m)| (t.clone(), text(m))).collect()
    }
}

#[async_trait]
impl Publisher for Sink {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut mood = self.mood.subscribe();
        let now = *mood.borrow();
        match now {
            Mood::Slow(delay) => tokio::time::sleep(delay).await,
            Mood::Stalled => _ = mood.wait_for(|m| *m != Mood::Stalled).await,
            Mood::Prompt | Mood::Failing { .. } => {}
        }
        let now = *self.mood.borrow();
        let answer = |m: Message| match now {
            Mood::Failing { retryable: true } => Err(PortError::passing("publisher", "down")),
            Mood::Failing { retryable: false } => Err(PortError::lasting("publisher", "no such topic")),
            _ => {
                self.taken.lock().unwrap().push((topic.topic().to_owned(), m));
                Ok(String::new())
            }
        };
        messages.into_iter().map(answer).collect()
    }
}
