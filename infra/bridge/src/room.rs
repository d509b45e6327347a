//! The waiting room: connections that are not let in yet. Its size is what ten thousand silent connections can cost.
//!
//! Policy when it is full: the oldest that has not sent a byte is closed once it is an eighth of `grace` old (clients
//! of MQTT and TLS speak first, so an honest one is never silent for long); if all have spoken, the oldest of them is
//! closed once it is `grace` old. Until then nothing more is accepted, so that a storm of honest reconnects is served
//! in order instead of being thrown out half-way through its handshakes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// The room.
#[derive(Debug)]
pub(crate) struct Room {
    places: usize,
    grace: Duration,
    inside: Arc<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    state: Mutex<State>,
    left: Notify,
}

/// Who waits, by number and so by age: since when, and what to drop to close it.
type Waiting = BTreeMap<u64, (Instant, oneshot::Sender<()>)>;

#[derive(Debug, Default)]
struct State {
    next: u64,
    silent: Waiting,
    speaking: Waiting,
}

impl State {
    fn len(&self) -> usize {
        self.silent.len() + self.speaking.len()
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the room; leaving is dropping it.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    inside: Arc<Inside>,
    evicted: oneshot::Receiver<()>,
}

impl Place {
    /// Resolves when this place is wanted for a newer connection.
    pub(crate) async fn evicted(&mut self) {
        // Nothing is ever sent: the sender is dropped.
        let _dropped = (&mut self.evicted).await;
    }

    /// A way to say that the connection spoke, while the place itself is watched.
    pub(crate) fn voice(&self) -> Voice {
        Voice { number: self.number, inside: self.inside.clone() }
    }
}

/// Tells the room that a connection sent its first byte.
#[derive(Debug)]
pub(crate) struct Voice {
    number: u64,
    inside: Arc<Inside>,
}

impl Voice {
    /// It did.
    pub(crate) fn spoke(self) {
        let mut state = self.inside.lock();
        if let Some(who) = state.silent.remove(&self.number) {
            state.speaking.insert(self.number, who);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inside.lock();
        state.silent.remove(&self.number);
        state.speaking.remove(&self.number);
        drop(state);
        self.inside.left.notify_one();
    }
}

impl Room {
    /// A room of `places`, at least one.
    pub(crate) fn new(places: usize, grace: Duration) -> Self {
        Self { places: places.max(1), grace, inside: Arc::default() }
    }

    /// How many wait now.
    pub(crate) fn waiting(&self) -> u64 {
        self.inside.lock().len() as u64
    }

    /// Waits for a place and takes it.
    pub(crate) async fn enter(&self) -> Place {
        loop {
            let left = self.inside.left.notified();
            match self.try_enter() {
                Ok(place) => return place,
                Err(oldest_is_fair_game) => {
                    let _either = tokio::time::timeout_at(oldest_is_fair_game, left).await;
                }
            }
        }
    }

    /// A place, or when the oldest may be closed for one.
    fn try_enter(&self) -> Result<Place, Instant> {
        let now = Instant::now();
        let mut guard = self.inside.lock();
        let state = &mut *guard;
        if state.len() >= self.places {
            let graces = [(&mut state.silent, self.grace / 8), (&mut state.speaking, self.grace)];
            let oldest = graces.into_iter().filter_map(|(of, grace)| of.first_entry().map(|e| (e.get().0 + grace, e)));
            if let Some((fair_game, oldest)) = oldest.min_by_key(|(fair_game, _)| *fair_game) {
                if fair_game > now {
                    return Err(fair_game);
                }
                oldest.remove();
            }
        }
        let number = state.next;
        state.next += 1;
        let (sender, evicted) = oneshot::channel();
        state.silent.insert(number, (now, sender));
        Ok(Place { number, inside: self.inside.clone(), evicted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(8);

    async fn is_evicted(place: &mut Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.evicted()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_silent_goes_first_and_soon() {
        let room = Room::new(2, GRACE);
        let mut speaker = room.enter().await;
        speaker.voice().spoke();
        let mut silent = room.enter().await;
        let before = Instant::now();
        let _third = room.enter().await;
        assert_eq!(before.elapsed(), GRACE / 8);
        assert!(is_evicted(&mut silent).await && !is_evicted(&mut speaker).await);
        assert_eq!(room.waiting(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_spoke_has_the_whole_grace() {
        let room = Room::new(1, GRACE);
        let mut speaker = room.enter().await;
        speaker.voice().spoke();
        let before = Instant::now();
        let _next = room.enter().await;
        assert_eq!(before.elapsed(), GRACE);
        assert!(is_evicted(&mut speaker).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_is_taken_at_once() {
        let room = Room::new(1, GRACE);
        let first = room.enter().await;
        let before = Instant::now();
        let (_second, ()) = tokio::join!(room.enter(), async { drop(first) });
        assert_eq!(before.elapsed().as_secs(), 0);
    }
}
