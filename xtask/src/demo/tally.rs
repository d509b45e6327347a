//! What arrived: how many distinct readings, and how many more than once.

use std::collections::HashSet;
use std::time::Duration;

use stage::Delivered;

/// Counts deliveries by payload; each reading carries its number.
#[derive(Default)]
pub(super) struct Tally {
    seen: HashSet<Vec<u8>>,
    duplicates: u64,
}

impl Tally {
    pub(super) fn add(&mut self, delivered: Vec<Delivered>) {
        for message in delivered {
            if !self.seen.insert(message.data) {
                self.duplicates += 1;
            }
        }
    }

    pub(super) fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    pub(super) fn lost(&self, accepted: u64) -> u64 {
        accepted.saturating_sub(self.distinct())
    }

    /// The line that a person understands.
    pub(super) fn summary(&self, accepted: u64, took: Duration, outage: Duration) -> String {
        format!(
            "{} accepted, {} delivered, {} lost, {} {}, {:.1} s (line cut for {:.0} s)",
            thousands(accepted),
            thousands(self.distinct()),
            thousands(self.lost(accepted)),
            thousands(self.duplicates),
            if self.duplicates == 1 { "duplicate" } else { "duplicates" },
            took.as_secs_f64(),
            outage.as_secs_f64(),
        )
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(texts: &[&str]) -> Vec<Delivered> {
        texts.iter().map(|t| Delivered { data: t.as_bytes().into(), attributes: Default::default() }).collect()
    }

    #[test]
    fn the_summary_counts_what_is_missing_and_what_came_twice() {
        let mut tally = Tally::default();
        tally.add(delivered(&["1", "2", "2", "3"]));
        let summary = tally.summary(1000, Duration::from_millis(9840), Duration::from_secs(3));
        assert_eq!(summary, "1,000 accepted, 3 delivered, 997 lost, 1 duplicate, 9.8 s (line cut for 3 s)");
    }

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(n), text);
        }
    }
}
