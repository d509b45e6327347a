//! The waiting room: connections that are not let in yet. Its size is what ten thousand silent connections can cost.
//!
//! Policy when it is full: the oldest is closed once it is `grace` old; until then nothing more is accepted, so that
//! a storm of honest reconnects is served in order instead of being thrown out half-way through its handshakes.

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

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, (Instant, oneshot::Sender<()>)>,
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
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inside.lock().waiting.remove(&self.number);
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
        self.inside.lock().waiting.len() as u64
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
        let mut state = self.inside.lock();
        if state.waiting.len() >= self.places
            && let Some(oldest) = state.waiting.first_entry()
        {
            let fair_game = oldest.get().0 + self.grace;
            if fair_game > now {
                return Err(fair_game);
            }
            oldest.remove();
        }
        let number = state.next;
        state.next += 1;
        let (sender, evicted) = oneshot::channel();
        state.waiting.insert(number, (now, sender));
        Ok(Place { number, inside: self.inside.clone(), evicted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_goes_when_the_room_is_full_and_its_grace_is_over() {
        let room = Room::new(2, Duration::from_secs(2));
        let mut first = room.enter().await;
        let mut second = room.enter().await;
        let before = Instant::now();
        let _third = room.enter().await;
        assert_eq!(before.elapsed().as_secs(), 2, "grace");
        first.evicted().await;
        assert_eq!(room.waiting(), 2);
        assert!(tokio::time::timeout(Duration::from_secs(1), second.evicted()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_is_taken_at_once() {
        let room = Room::new(1, Duration::from_secs(2));
        let first = room.enter().await;
        let before = Instant::now();
        let (_second, ()) = tokio::join!(room.enter(), async { drop(first) });
        assert_eq!(before.elapsed().as_secs(), 0);
    }
}
