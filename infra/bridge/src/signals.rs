//! What a session is told from outside, besides commands. Each kind is a flag: told twice is told once, so nothing
//! here can overflow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// A kind of signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Signal {
    /// A newer connection of the same device came in.
    TakenOver = 1,
    /// The bridge stops: finish.
    Shutdown = 2,
    /// The device's records changed: read them again.
    Changed = 4,
    /// Devices attached to this gateway are told something: see [`Signals::take_attached`].
    Attached = 8,
}

/// The flags of one session.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    raised: AtomicU8,
    /// What is told to attached devices, by their place in the map of sessions.
    attached: Mutex<BTreeMap<u64, u8>>,
    wake: Notify,
}

impl Signals {
    /// Raises `signal` and wakes the session.
    pub(crate) fn raise(&self, signal: Signal) {
        self.raised.fetch_or(signal as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// Raises `signal` for the device that is attached at `place`.
    pub(crate) fn raise_attached(&self, place: u64, signal: Signal) {
        *self.attached.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_default() |= signal as u8;
        self.raise(Signal::Attached);
    }

    /// The places for which something was raised, and whether each was taken over.
    pub(crate) fn take_attached(&self) -> Vec<(u64, bool)> {
        let taken = std::mem::take(&mut *self.attached.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().map(|(place, raised)| (place, raised & Signal::TakenOver as u8 != 0)).collect()
    }

    /// Waits for the next signal, most urgent first.
    pub(crate) async fn next(&self) -> Signal {
        loop {
            for signal in [Signal::TakenOver, Signal::Shutdown, Signal::Changed, Signal::Attached] {
                if self.raised.fetch_and(!(signal as u8), Ordering::AcqRel) & signal as u8 != 0 {
                    return signal;
                }
            }
            self.wake.notified().await;
        }
    }
}
