//! Which reading the cloud refuses, when all it says is that it refuses one.
//!
//! A DISCONNECT for a payload does not name it. So the readings that were under way then go one by one; the one that
//! ends several connections in a row, alone under way, is the one.

use crate::spool::Seq;

/// See the module.
#[derive(Debug)]
pub(super) struct Suspicion {
    /// Connections in a row that convict.
    limit: u32,
    /// Readings up to this one were under way when the cloud refused one.
    until: Option<Seq>,
    /// Connections in a row that the oldest has ended, alone.
    strikes: u32,
}

impl Suspicion {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, until: None, strikes: 0 }
    }

    /// Whether `seq` goes alone.
    pub(super) fn falls_on(&self, seq: Seq) -> bool {
        self.until.is_some_and(|until| seq <= until)
    }

    /// The cloud ended a connection for a payload while `under_way` readings were, up to `last`. `true`: it was the
    /// only one, and once too often.
    pub(super) fn strike(&mut self, under_way: usize, last: Option<Seq>) -> bool {
        match under_way {
            // It was about no reading at all.
            0 => return false,
            1 => self.strikes += 1,
            _ => {
                self.until = self.until.max(last);
                return false;
            }
        }
        if self.strikes < self.limit {
            return false;
        }
        self.strikes = 0;
        true
    }

    /// The cloud has `seq`, or it is set aside.
    pub(super) fn clear(&mut self, seq: Seq) {
        self.strikes = 0;
        self.until = self.until.filter(|until| seq < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_suspected_one_by_one_and_one_is_convicted_in_the_end() {
        let mut suspicion = Suspicion::new(2);
        assert!(!suspicion.falls_on(4));
        assert!(!suspicion.strike(3, Some(6)), "one of 4, 5, 6");
        assert!(suspicion.falls_on(4) && suspicion.falls_on(6) && !suspicion.falls_on(7));
        suspicion.clear(4);
        assert!(!suspicion.strike(1, Some(5)));
        assert!(suspicion.strike(1, Some(5)), "twice, and alone");
        suspicion.clear(5);
        assert!(suspicion.falls_on(6));
        suspicion.clear(6);
        assert!(!suspicion.falls_on(6));
    }

    #[test]
    fn a_delivery_in_between_starts_the_count_again() {
        let mut suspicion = Suspicion::new(2);
        assert!(!suspicion.strike(1, Some(1)));
        assert!(!suspicion.strike(0, None), "nothing was under way");
        suspicion.clear(1);
        assert!(!suspicion.strike(1, Some(2)));
    }
}
