//! Readings between spool and acknowledgement, oldest first: some sent, then some not yet (again). Before them, by their
//! places only, those that are acknowledged and whose acknowledgement the disk does not have yet: a crash brings them back.

use std::collections::VecDeque;

use crate::spool::{Seq, Stored};

struct Entry {
    stored: Stored,
    acked: bool,
}

/// What may be under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    /// Readings sent and not acknowledged.
    pub(super) window: usize,
    /// Their payload bytes.
    pub(super) bytes: usize,
    /// Readings from the first whose acknowledgement is not durable to the last one sent: what a crash repeats at most.
    pub(super) repeats: usize,
}

/// See the module. Bounded by whoever pushes: one reading at most waits to be sent for the first time.
#[derive(Default)]
pub(super) struct UnderWay {
    entries: VecDeque<Entry>,
    /// Entries at the front that this session has sent, acknowledged ones among them included.
    cursor: usize,
    /// Of these, how many are not acknowledged, and their payload bytes.
    sent: usize,
    sent_bytes: usize,
    /// Acknowledged, and not known to be saved.
    unsaved: VecDeque<Seq>,
}

impl UnderWay {
    /// Sent and not acknowledged.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    pub(super) fn wants_more(&self) -> bool {
        self.cursor == self.entries.len()
    }

    pub(super) fn push(&mut self, stored: Stored) {
        self.entries.push_back(Entry { stored, acked: false });
    }

    pub(super) fn oldest(&self) -> Option<&Stored> {
        self.entries.front().map(|entry| &entry.stored)
    }

    pub(super) fn last_sent(&self) -> Option<Seq> {
        self.entries.iter().take(self.cursor).next_back().map(|entry| entry.stored.seq)
    }

    pub(super) fn find(&self, seq: Seq) -> Option<&Stored> {
        self.position(seq).map(|at| &self.entries[at].stored)
    }

    /// The next reading to send, if it is `allowed`: one always may be under way, as far as what a crash repeats allows it.
    pub(super) fn next_to_send(&mut self, allowed: Allowed) -> Option<&Stored> {
        while self.entries.get(self.cursor).is_some_and(|entry| entry.acked) {
            self.cursor += 1;
        }
        let next = self.entries.get(self.cursor)?;
        let bytes = self.sent_bytes + next.stored.reading.payload.len();
        let fits = self.sent == 0 || (self.sent < allowed.window && bytes <= allowed.bytes);
        // What was sent before this one in any session is in front of the cursor or among the unsaved.
        (fits && self.unsaved.len() + self.cursor < allowed.repeats).then_some(&next.stored)
    }

    /// The reading that [`next_to_send`](Self::next_to_send) gave has been sent.
    pub(super) fn mark_sent(&mut self) {
        if let Some(entry) = self.entries.get(self.cursor) {
            self.cursor += 1;
            self.sent += 1;
            self.sent_bytes += entry.stored.reading.payload.len();
        }
    }

    /// `seq` is acknowledged. When it was the oldest: the place below which all are.
    pub(super) fn acked(&mut self, seq: Seq) -> Option<Seq> {
        let at = self.position(seq)?;
        let entry = &mut self.entries[at];
        if !std::mem::replace(&mut entry.acked, true) && at < self.cursor {
            self.sent -= 1;
            self.sent_bytes -= entry.stored.reading.payload.len();
        }
        let mut below = None;
        while let Some(done) = self.entries.pop_front_if(|entry| entry.acked) {
            self.cursor = self.cursor.saturating_sub(1);
            self.unsaved.push_back(done.stored.seq);
            below = Some(done.stored.seq + 1);
        }
        below
    }

    /// Acknowledgements of everything below `below` are durable.
    pub(super) fn saved(&mut self, below: Seq) {
        while self.unsaved.pop_front_if(|seq| *seq < below).is_some() {}
    }

    /// The session is over: what it sent and nobody acknowledged is sent again.
    pub(super) fn all_unsent(&mut self) {
        (self.cursor, self.sent, self.sent_bytes) = (0, 0, 0);
    }

    fn position(&self, seq: Seq) -> Option<usize> {
        self.entries.binary_search_by_key(&seq, |entry| entry.stored.seq).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{Kind, Reading};

    fn stored(seq: Seq) -> Stored {
        let kind = Kind::Events { subfolder: String::new() };
        let reading = Reading { kind, device: None, captured_at_ms: 0, payload: vec![0; 10].into(), properties: vec![] };
        Stored { boot: 1, seq, reading }
    }

    fn send_all(under_way: &mut UnderWay, window: usize, bytes: usize) -> Vec<Seq> {
        send_allowed(under_way, Allowed { window, bytes, repeats: 1_000 })
    }

    fn send_allowed(under_way: &mut UnderWay, allowed: Allowed) -> Vec<Seq> {
        let mut sent = Vec::new();
        while let Some(seq) = under_way.next_to_send(allowed).map(|stored| stored.seq) {
            under_way.mark_sent();
            sent.push(seq);
        }
        sent
    }

    #[test]
    fn the_window_counts_readings_and_bytes_and_always_lets_one_through() {
        let mut under_way = UnderWay::default();
        (0..9).for_each(|seq| under_way.push(stored(seq)));
        assert_eq!(send_all(&mut under_way, 100, 5), [0]);
        assert_eq!(send_all(&mut under_way, 100, 35), [1, 2]);
        assert_eq!(send_all(&mut under_way, 5, 1_000), [3, 4]);
        assert_eq!(under_way.acked(0), Some(1));
        assert_eq!(send_all(&mut under_way, 5, 1_000), [5]);
    }

    #[test]
    fn what_a_crash_repeats_is_counted_from_the_saved_place_across_sessions_and_gaps() {
        let mut under_way = UnderWay::default();
        [0, 1, 2, 3, 1_000, 1_001, 1_002].into_iter().for_each(|seq| under_way.push(stored(seq)));
        let allowed = Allowed { window: 9, bytes: 1_000, repeats: 4 };
        assert_eq!(send_allowed(&mut under_way, allowed), [0, 1, 2, 3]);
        (0..4).for_each(|seq| assert_eq!(under_way.acked(seq), Some(seq + 1)));
        assert!(send_allowed(&mut under_way, allowed).is_empty(), "nothing is under way, and nothing is saved");
        under_way.saved(2);
        assert_eq!(send_allowed(&mut under_way, allowed), [1_000, 1_001]);
        under_way.all_unsent();
        assert_eq!(send_allowed(&mut under_way, allowed), [1_000, 1_001], "the unsaved ones count in the next session too");
        under_way.acked(1_001);
        assert!(send_allowed(&mut under_way, allowed).is_empty(), "an acknowledgement behind a missing one saves nothing");
        under_way.saved(4);
        assert_eq!(send_allowed(&mut under_way, allowed), [1_002]);
    }

    #[test]
    fn only_what_nobody_acknowledged_is_sent_again_in_order() {
        let mut under_way = UnderWay::default();
        (0..5).for_each(|seq| under_way.push(stored(seq)));
        assert_eq!(send_all(&mut under_way, 4, 1_000), [0, 1, 2, 3]);
        assert_eq!(under_way.acked(2), None);
        assert_eq!(under_way.acked(0), Some(1));
        under_way.all_unsent();
        assert_eq!(send_all(&mut under_way, 9, 1_000), [1, 3, 4]);
        assert_eq!(under_way.acked(1), Some(3), "2 was acknowledged before");
        assert_eq!((under_way.acked(3), under_way.acked(4), under_way.sent()), (Some(4), Some(5), 0));
    }
}
