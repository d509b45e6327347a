//! A process that fills and drains a spool until it is killed, and tells what it was promised.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use device_shim::spool::sled::SledOptions;
use device_shim::spool::{PeekLimit, Reading, Spool};

use super::{SMALL, all_from, assert_exact, assert_readings, open, reading};

const DIR: &str = "DRAWBRIDGE_TEST_SPOOL";
const SEED: &str = "DRAWBRIDGE_TEST_SEED";

/// The spool of these tests: it rolls, seals and drops often.
pub const OPTIONS: SledOptions = SMALL;

/// A small generator of numbers, the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// To be called by the test named `child` of every test file that uses [`Victim`]: does nothing in the parent.
pub fn run_if_asked() {
    if let (Ok(dir), Ok(seed)) = (std::env::var(DIR), std::env::var(SEED)) {
        fill_and_drain(&PathBuf::from(dir), seed.parse().expect("a number"));
    }
}

fn fill_and_drain(dir: &Path, seed: u64) {
    let mut dice = Dice::new(seed);
    let (style, appetite) = (dice.below(4), [1, 60, 400, 4_000][dice.below(4) as usize]);
    let mut spool = open(dir, OPTIONS);
    let (mut next, mut drained) = (spool.stats().end, 0);
    let say = |what: &str, place: u64| {
        let mut out = std::io::stdout();
        writeln!(out, "{what} {place}").and_then(|()| out.flush()).expect("the parent listens");
    };
    loop {
        let (group, size) = match style {
            0 => (1, 200),
            1 => (1 + dice.below(256), 200),
            2 => (1 + dice.below(8), 4_096),
            _ => (1 + dice.below(30), [8, 200, 9_000, 40_000][dice.below(4) as usize]),
        };
        let batch: Vec<Reading> = (next..next + group).map(|n| reading(n, size)).collect();
        if spool.append(&batch).is_err() || spool.commit().is_err() {
            return; // The disk is gone.
        }
        next += group;
        say("saved", next);
        if dice.below(3) == 0 {
            let limit = PeekLimit { readings: dice.below(appetite) as usize, bytes: 1 << 20 };
            let Ok(found) = spool.peek(drained, limit) else { return };
            drained = found.last().map_or(drained, |last| last.seq + 1);
            say("gave", drained);
            if spool.ack(drained).is_err() || (dice.below(2) == 0 && spool.commit().is_err()) {
                return;
            }
            say("kept", spool.saved());
        }
    }
}

/// Places that the child told us of. Zero where it did not get that far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    /// Readings below are durable.
    pub saved: u64,
    /// Readings below were acknowledged.
    pub gave: u64,
    /// Readings below were acknowledged, durably.
    pub kept: u64,
}

impl Said {
    /// The higher of each.
    pub fn max(self, other: Self) -> Self {
        Self { saved: self.saved.max(other.saved), gave: self.gave.max(other.gave), kept: self.kept.max(other.kept) }
    }
}

/// The child, and what it said.
pub struct Victim {
    child: Child,
    said: std::thread::JoinHandle<Said>,
}

impl Victim {
    /// Starts this test's own program again as the child.
    pub fn start(dir: &Path, seed: u64) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program)
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let said = std::thread::spawn(move || {
            let mut said = Said::default();
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ').map(|(what, place)| (what, place.parse())) {
                    Some(("saved", Ok(place))) => said.saved = place,
                    Some(("gave", Ok(place))) => said.gave = place,
                    Some(("kept", Ok(place))) => said.kept = place,
                    _ => {}
                }
            }
            said
        });
        Self { child, said }
    }

    /// Kills it, and returns what it said.
    pub fn kill(mut self) -> Said {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.said.join().expect("listened")
    }
}

/// Opens what a crash left and checks every promise. Returns how many readings are held.
pub fn check(dir: &Path, said: Said) -> u64 {
    let mut spool = open(dir, OPTIONS);
    let stats = spool.stats();
    assert_exact(&stats);
    let Said { saved, gave, kept } = said;
    assert!(stats.end >= saved, "saved up to {saved}, found up to {}: {stats:?}", stats.end);
    assert!((kept..=gave).contains(&stats.delivered), "{kept} were given up durably and {gave} at all: {stats:?}");
    assert_eq!((stats.evicted.total(), stats.quarantined), (0, 0), "{stats:?}");
    assert_readings(&all_from(&mut spool, 0), stats.delivered..stats.end);
    stats.held
}

/// A moment between 5 and 200 ms.
pub fn moment(dice: &mut Dice) -> Duration {
    Duration::from_millis(5 + dice.below(195))
}

/// How many rounds: `default`, or what the variable `name` says.
pub fn rounds(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number of rounds"))
}

/// A seed that differs from run to run; it is printed so that a failure can be repeated.
pub fn seed() -> u64 {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| u64::from(now.subsec_nanos()))
    });
    println!("{SEED}={seed}");
    seed
}
