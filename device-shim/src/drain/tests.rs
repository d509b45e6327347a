//! The drain over a scripted link, in a time of its own.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::spool::memory::MemorySpool;
use crate::spool::{Kind, Reading, Stored, Writer, WriterOptions};

/// How a session goes: it takes everything and ends after this long, or is refused.
#[derive(Clone, Copy)]
enum Act {
    Refuse,
    UpFor(Duration),
    /// The same, and the bridge ends it in order.
    EndedAfter(Duration),
    /// Refused for what the oldest reading is, so often as it comes.
    TooLarge,
}

#[derive(Default)]
struct Log {
    /// When each attempt began.
    attempts: Vec<Instant>,
    sent: Vec<Seq>,
}

struct ScriptedLink {
    script: VecDeque<Act>,
    log: Arc<Mutex<Log>>,
}

struct ScriptedSession {
    act: Act,
    until: Instant,
    due: VecDeque<Seq>,
    log: Arc<Mutex<Log>>,
}

impl Link for ScriptedLink {
    type Session = ScriptedSession;

    async fn connect(&mut self) -> Result<ScriptedSession, LinkError> {
        self.log.lock().unwrap().attempts.push(Instant::now());
        match self.script.pop_front().unwrap_or(Act::UpFor(Duration::MAX)) {
            Act::Refuse => Err(LinkError::Cut("refused".into())),
            act => {
                let up_for = if let Act::UpFor(up_for) | Act::EndedAfter(up_for) = act { up_for } else { Duration::MAX };
                let until = Instant::now() + up_for.min(Duration::from_secs(86_400));
                Ok(ScriptedSession { act, until, due: VecDeque::new(), log: Arc::clone(&self.log) })
            }
        }
    }
}

impl Session for ScriptedSession {
    fn window(&self) -> usize {
        10
    }
    fn renew_at(&self) -> Instant {
        Instant::now() + Duration::from_secs(1_000_000)
    }
    fn publish(&mut self, reading: &Stored) -> Result<(), LinkError> {
        if matches!(self.act, Act::TooLarge) && reading.seq % 2 == 1 {
            return Err(LinkError::TooLarge { len: 9, limit: 8 });
        }
        self.log.lock().unwrap().sent.push(reading.seq);
        self.due.push_back(reading.seq);
        Ok(())
    }
    fn want_commands(&mut self, _: bool) {}
    fn acknowledge(&mut self, _: Receipt) {}
    async fn next(&mut self) -> Result<Event, LinkError> {
        if let Some(seq) = self.due.pop_front() {
            return Ok(Event::Acked(seq));
        }
        sleep_until(self.until).await;
        match self.act {
            Act::EndedAfter(_) => Err(LinkError::Disconnected { code: 160, reason: "scripted".into() }),
            _ => Err(LinkError::Cut("scripted".into())),
        }
    }
    async fn close(self) {}
}

struct Scene {
    writer: Writer,
    log: Arc<Mutex<Log>>,
    refused: Arc<std::sync::atomic::AtomicU64>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn start(script: &[Act]) -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _thread) = Writer::start(Box::new(MemorySpool::new()), WriterOptions::default()).unwrap();
    let log = Arc::new(Mutex::new(Log::default()));
    let link = ScriptedLink { script: script.iter().copied().collect(), log: Arc::clone(&log) };
    let stop = CancellationToken::new();
    let shared = Shared { status: Arc::default(), downlink: Downlink::open(dir.path()).unwrap(), stop: stop.clone() };
    let refused = Refused::open(dir.path()).unwrap();
    let count = refused.count();
    let settings = Settings { window: 10, window_bytes: 1 << 20, drain_timeout: secs(5), refusals: 3 };
    let backoff = Backoff::try_new(secs(1)..=secs(8), 0.0, secs(60)).unwrap();
    let drain = Drain::new(&writer.tail(), link, backoff, settings, refused, shared);
    Scene { writer, log, refused: count, stop, running: tokio::spawn(drain.run()), _dir: dir }
}

async fn append(writer: &Writer, count: usize) {
    let kind = Kind::Events { subfolder: String::new() };
    let reading = Reading { kind, device: None, captured_at_ms: 0, payload: "x".into(), properties: vec![] };
    writer.append(vec![reading; count]).await.unwrap();
}

/// Seconds between one attempt and the next.
fn gaps(log: &Mutex<Log>) -> Vec<u64> {
    log.lock().unwrap().attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn waits_double_and_one_connack_does_not_reset_them_but_a_stable_link_does() {
    let up = |n| Act::UpFor(secs(n));
    let scene = start(&[Act::Refuse, Act::Refuse, up(0), up(5), up(60), Act::Refuse, up(1)]);
    sleep(secs(200)).await;
    assert_eq!(gaps(&scene.log), [1, 2, 4, 5 + 8, 60 + 1, 2, 1 + 4]);
    scene.stop.cancel();
    scene.running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_orderly_end_brings_it_back_soon_unless_it_comes_at_once() {
    let ended = |n| Act::EndedAfter(secs(n));
    let scene = start(&[Act::Refuse, Act::Refuse, ended(5), ended(5), ended(0), ended(0), ended(1), ended(1)]);
    sleep(secs(100)).await;
    assert_eq!(gaps(&scene.log), [1, 2, 5 + 1, 5 + 1, 2, 4, 1 + 1, 1 + 1]);
    scene.stop.cancel();
    scene.running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_at_once() {
    let scene = start(&[Act::Refuse; 20]);
    sleep(secs(20)).await;
    let before = Instant::now();
    scene.stop.cancel();
    scene.running.await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn what_this_bridge_can_never_take_is_set_aside_in_its_turn_and_the_rest_goes_on() {
    let scene = start(&[Act::TooLarge]);
    append(&scene.writer, 7).await;
    while scene.writer.stats().await.unwrap().held > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.log.lock().unwrap().sent, [0, 2, 4, 6]);
    assert_eq!(scene.refused.load(std::sync::atomic::Ordering::Relaxed), 3);
    scene.stop.cancel();
    scene.running.await.unwrap();
}
