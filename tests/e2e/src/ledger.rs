//! Judges what arrived: complete, in order, duplicates only within the window.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use stage::Delivered;

/// One message as a subscriber got it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The payload.
    pub data: Vec<u8>,
    /// `deviceId`
    pub device: String,
    /// `readingId`, empty for devices without a shim.
    pub reading_id: String,
}

impl From<Delivered> for Arrival {
    fn from(message: Delivered) -> Self {
        let [device, reading_id] = ["deviceId", "readingId"].map(|name| message.attribute(name).to_owned());
        Self { data: message.data, device, reading_id }
    }
}

/// What arrived from one device, in order of arrival.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Place of each reading in the spool → its payload.
    readings: BTreeMap<u64, u64>,
    highest: u64,
    /// Readings that arrived again.
    pub duplicates: u64,
    problems: Vec<String>,
}

impl Ledger {
    /// Writes an arrival down.
    ///
    /// # Errors
    /// When it is not one of ours at all.
    pub fn add(&mut self, arrival: &Arrival, window: u64) -> Result<()> {
        let payload = std::str::from_utf8(&arrival.data)?.parse().context("the payload is no number of ours")?;
        let (_, seq) = arrival.reading_id.split_once('-').with_context(|| format!("readingId is `{}`", arrival.reading_id))?;
        let seq: u64 = seq.parse()?;
        if let Some(before) = self.readings.insert(seq, payload) {
            self.duplicates += 1;
            if before != payload {
                self.problems.push(format!("reading {seq} was {before} and came again as {payload}"));
            }
            if self.highest - seq >= window {
                self.problems.push(format!("reading {seq} came again after {}: more than a window of {window}", self.highest));
            }
        } else if seq < self.highest {
            self.problems.push(format!("reading {seq} came for the first time after {}: out of order", self.highest));
        }
        self.highest = self.highest.max(seq);
        Ok(())
    }

    /// Distinct payloads so far.
    pub fn distinct(&self) -> usize {
        self.readings.values().collect::<BTreeSet<_>>().len()
    }

    /// Whether exactly the payloads `0..readings` arrived: none missing, none torn out of its place in the spool. A payload
    /// in `unsure` may stand in the spool twice, because its sender got no answer and handed it over again.
    ///
    /// # Errors
    /// When not, with the first problems.
    pub fn judge(&self, readings: u64, unsure: &BTreeSet<u64>) -> Result<()> {
        let mut problems = self.problems.clone();
        let mut times = BTreeMap::<u64, u64>::new();
        self.readings.values().for_each(|payload| *times.entry(*payload).or_default() += 1);
        let missing: Vec<_> = (0..readings).filter(|n| !times.contains_key(n)).collect();
        if !missing.is_empty() {
            problems.push(format!("{} payloads are missing, the first is {}", missing.len(), missing[0]));
        }
        let doubled = times.iter().filter(|(payload, times)| **times > 1 && !unsure.contains(payload));
        problems.extend(doubled.map(|(payload, times)| format!("payload {payload} stands in the spool {times} times")));
        problems.extend(times.keys().filter(|n| **n >= readings).map(|n| format!("payload {n} was never sent")));
        let gaps = self.readings.keys().zip(self.readings.keys().skip(1)).filter(|(a, b)| **a + 1 != **b);
        problems.extend(gaps.map(|(a, b)| format!("the spool's {b} follows {a}: a gap")));
        ensure!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems[..problems.len().min(10)].join("\n"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(arrivals: &[(u64, u64)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (seq, payload) in arrivals {
            let (data, reading_id) = (payload.to_string().into_bytes(), format!("1-{seq}"));
            ledger.add(&Arrival { data, device: "d".into(), reading_id }, 3).unwrap();
        }
        ledger
    }

    fn verdict(arrivals: &[(u64, u64)], unsure: &[u64]) -> String {
        let judged = ledger(arrivals).judge(3, &unsure.iter().copied().collect());
        judged.map_or_else(|e| e.to_string(), |()| "good".into())
    }

    #[test]
    fn complete_in_order_and_duplicates_within_the_window_are_good() {
        assert_eq!(verdict(&[(1, 0), (2, 1), (1, 0), (2, 1), (3, 2)], &[]), "good");
        assert_eq!(ledger(&[(1, 0), (2, 1), (1, 0)]).duplicates, 1);
    }

    #[test]
    fn each_fault_is_named() {
        for (arrivals, expected) in [
            (&[(1, 0), (2, 1)][..], "1 payloads are missing, the first is 2"),
            (&[(2, 1), (1, 0), (3, 2)], "reading 1 came for the first time after 2: out of order"),
            (&[(1, 0), (2, 1), (3, 2), (4, 2)], "payload 2 stands in the spool 2 times"),
            (&[(1, 0), (2, 1), (4, 2)], "the spool's 4 follows 2: a gap"),
            (&[(1, 0), (2, 1), (3, 2), (1, 2)], "reading 1 was 0 and came again as 2"),
            (&[(1, 0), (2, 1), (3, 2), (4, 3)], "payload 3 was never sent"),
        ] {
            assert!(verdict(arrivals, &[]).contains(expected), "{arrivals:?}: {}", verdict(arrivals, &[]));
        }
        assert_eq!(verdict(&[(1, 0), (2, 1), (3, 2), (4, 2)], &[2]), "good", "its sender was unsure");
        let late = verdict(&[(1, 0), (2, 1), (3, 2), (4, 2), (1, 0)], &[2]);
        assert!(late.contains("reading 1 came again after 4: more than a window of 3"), "{late}");
    }
}
