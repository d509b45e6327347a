//! What time it is, on a device whose wall clock may be wrong.
//!
//! The device's own time is the wall clock at start plus the monotonic time since: it never jumps. To it is added what
//! the cloud's replies taught about the difference ([`CloudClock::learn`]); as long as they taught nothing, what the
//! wall clock has been corrected by since the start. Capture times are kept in the device's own time and corrected
//! when they are sent, so that readings taken before the first contact get the right time too; [`history`] remembers
//! for the next start by how much.
//!
//! A device without a battery-backed clock starts in 1970. The time of the last contact, or the first day of the
//! bridge's certificate, then tells how late it is at least ([`CloudClock::at_least`]), until the cloud tells exactly.

pub mod history;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// A learnt difference smaller than this is the line's delay, not the clock's fault: 2 s.
const NOT_WORTH_LEARNING: Duration = Duration::from_secs(2);

/// Milliseconds since 1970 by this machine's wall clock.
pub type Wall = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The wall clock of the operating system.
#[must_use]
pub fn system_wall() -> Wall {
    Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}

/// The device's time and its difference to the cloud's. Cheap to clone.
#[derive(Clone)]
pub struct CloudClock {
    wall: Wall,
    started_wall_ms: u64,
    started: Instant,
    known: Arc<Mutex<Known>>,
}

/// What is known of the difference, in milliseconds to add to the device's own time.
#[derive(Default, Clone, Copy)]
struct Known {
    /// As the cloud told it.
    exactly: Option<i64>,
    at_least: Option<i64>,
}

impl std::fmt::Debug for CloudClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CloudClock").field("now_ms", &self.now_ms()).field("offset_ms", &self.offset_ms()).finish()
    }
}

impl CloudClock {
    /// A clock that knows only `wall`.
    #[must_use]
    pub fn new(wall: Wall) -> Self {
        Self { started_wall_ms: wall(), wall, started: Instant::now(), known: Arc::default() }
    }

    /// The device's own time in milliseconds since 1970: never jumps, may be wrong.
    #[must_use]
    pub fn device_ms(&self) -> u64 {
        let since = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_wall_ms.saturating_add(since)
    }

    /// What to add to the device's own time to have the cloud's, in milliseconds, as far as is known.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        let known = *self.known();
        let wall = difference((self.wall)(), self.device_ms());
        known.exactly.unwrap_or_else(|| known.at_least.map_or(wall, |least| wall.max(least)))
    }

    /// The cloud's time in milliseconds since 1970, as far as is known.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.device_ms().saturating_add_signed(self.offset_ms())
    }

    /// Takes the cloud's time from one of its replies, in milliseconds since 1970.
    /// `true` when the clock was wrong by so much that it is worth trying again with the right one.
    pub fn learn(&self, cloud_ms: u64) -> bool {
        let (known, now) = (self.offset_ms(), difference(cloud_ms, self.device_ms()));
        let news = known.abs_diff(now) > NOT_WORTH_LEARNING.as_millis().try_into().unwrap_or(u64::MAX);
        let mut known = self.known();
        if news || known.exactly.is_none() {
            known.exactly = Some(now);
        }
        news
    }

    /// It is `ms` since 1970 or later. What the cloud told itself counts more.
    pub fn at_least(&self, ms: u64) {
        let least = difference(ms, self.device_ms());
        let mut known = self.known();
        known.at_least = known.at_least.max(Some(least));
    }

    /// Whether any reply of the cloud has told its time.
    #[must_use]
    pub fn has_learnt(&self) -> bool {
        self.known().exactly.is_some()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn difference(to_ms: u64, from_ms: u64) -> i64 {
    i64::try_from(i128::from(to_ms) - i128::from(from_ms)).unwrap_or(0)
}

/// The time after `server's time ` in the text of a refusal, in milliseconds since 1970; `None` when there is none.
#[must_use]
pub fn time_in_refusal(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("server's time ")?;
    let stamp: String = rest.chars().take_while(|c| c.is_ascii_digit() || "-:.TZ".contains(*c)).collect();
    parse_rfc3339(stamp.trim_end_matches(['.', ':']))
}

/// Reads `2026-02-28T23:59:59[.fraction]Z` as milliseconds since 1970; nothing else of RFC 3339 is needed.
fn parse_rfc3339(stamp: &str) -> Option<u64> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let millis: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + millis)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Vec<u64> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days from 1970-01-01, counting years from March so that the leap day is the last.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_MS: u64 = 365 * 86_400 * 1_000;
    const NOW_MS: u64 = 1_790_000_000_000;

    #[test]
    fn the_time_is_found_in_the_text_of_a_refusal() {
        for (text, expected) in [
            ("token expired at 2025-01-01T00:00:00Z, 5 hours ago by the server's time 2026-09-21T14:13:20Z (clock …)", Some(NOW_MS)),
            ("ahead of the server's time 2026-09-21T14:13:20.25Z: set the device's clock", Some(NOW_MS + 250)),
            ("the server's time is unknown", None),
            ("server's time 2026-13-21T14:13:20Z", None),
            ("server's time tomorrow", None),
            ("server's time 1970-01-01T00:00:00Z", Some(0)),
            ("server's time 2024-02-29T00:00:00Z.", Some(1_709_164_800_000)),
        ] {
            assert_eq!(time_in_refusal(text), expected, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_a_year_off_either_way_is_corrected_and_stays_so() {
        for wrong in [NOW_MS - YEAR_MS, NOW_MS + YEAR_MS, 0] {
            let clock = CloudClock::new(Arc::new(move || wrong));
            assert!(clock.learn(NOW_MS), "worth another try");
            assert_eq!(clock.now_ms(), NOW_MS);
            tokio::time::advance(Duration::from_secs(3_600)).await;
            assert_eq!(clock.now_ms(), NOW_MS + 3_600_000, "goes on by the monotonic clock");
            assert!(!clock.learn(NOW_MS + 3_600_500), "half a second is the line");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_in_1970_is_at_least_as_late_as_the_last_contact_until_the_cloud_speaks() {
        let clock = CloudClock::new(Arc::new(|| 5_000));
        clock.at_least(NOW_MS - YEAR_MS);
        clock.at_least(NOW_MS - 2 * YEAR_MS);
        assert_eq!(clock.now_ms(), NOW_MS - YEAR_MS);
        clock.learn(NOW_MS);
        clock.at_least(NOW_MS + YEAR_MS);
        assert_eq!(clock.now_ms(), NOW_MS);
        let right = CloudClock::new(Arc::new(|| NOW_MS));
        right.at_least(NOW_MS - YEAR_MS);
        assert_eq!(right.now_ms(), NOW_MS, "a later wall clock is believed");
    }

    #[tokio::test(start_paused = true)]
    async fn until_the_cloud_speaks_the_wall_clock_is_followed_when_it_is_set() {
        let wall = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let read = Arc::clone(&wall);
        let clock = CloudClock::new(Arc::new(move || read.load(std::sync::atomic::Ordering::Relaxed)));
        let captured_ms = clock.device_ms();
        wall.store(NOW_MS, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(clock.now_ms(), NOW_MS);
        assert_eq!(captured_ms.saturating_add_signed(clock.offset_ms()), NOW_MS, "an earlier reading is corrected too");
    }
}
