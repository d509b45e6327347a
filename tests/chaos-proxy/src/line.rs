//! What the line does now, and the connections on it.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Direction, MAX_CONNECTIONS};

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Carry,
    Cut,
    BlackHole,
}

/// What happens to one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Deliver,
    Swallow,
}

/// One connection: both ends, so that whoever holds the line can end it.
#[derive(Debug)]
struct Link {
    id: u64,
    client: TcpStream,
    server: Option<TcpStream>,
    has_lost_bytes: bool,
}

impl Link {
    fn end(&self) {
        // An end that is already closed is what we want.
        let _client = self.client.shutdown(Shutdown::Both);
        let _server = self.server.as_ref().map(|s| s.shutdown(Shutdown::Both));
    }
}

#[derive(Debug)]
struct State {
    mode: Mode,
    up: Duration,
    down: Duration,
    most_up: Option<u64>,
    most_down: Option<u64>,
    target: SocketAddr,
    links: Vec<Link>,
    next_id: u64,
    carried: u64,
    stopped: bool,
}

/// The shared half of a [`crate::ChaosProxy`].
#[derive(Debug)]
pub(crate) struct Line(Mutex<State>);

impl Line {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let (up, down, links) = (Duration::ZERO, Duration::ZERO, Vec::new());
        let (most_up, most_down) = (None, None);
        Self(Mutex::new(State { mode: Mode::Carry, up, down, most_up, most_down, target, links, next_id: 0, carried: 0, stopped: false }))
    }

    // No code panics while it holds the lock; if a test's thread did, the line still has to end.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cut(&self) {
        let mut state = self.state();
        state.mode = Mode::Cut;
        state.links.drain(..).for_each(|l| l.end());
    }

    pub(crate) fn black_hole(&self) {
        self.state().mode = Mode::BlackHole;
    }

    pub(crate) fn restore(&self) {
        let mut state = self.state();
        state.mode = Mode::Carry;
        state.links.retain(|l| {
            let whole = !l.has_lost_bytes;
            if !whole {
                l.end();
            }
            whole
        });
    }

    pub(crate) fn delay(&self, direction: Direction, latency: Duration) {
        let mut state = self.state();
        match direction {
            Direction::Up => state.up = latency,
            Direction::Down => state.down = latency,
        }
    }

    pub(crate) fn latency(&self, direction: Direction) -> Duration {
        let state = self.state();
        match direction {
            Direction::Up => state.up,
            Direction::Down => state.down,
        }
    }

    pub(crate) fn cut_after(&self, direction: Direction, bytes: Option<u64>) {
        let mut state = self.state();
        match direction {
            Direction::Up => state.most_up = bytes,
            Direction::Down => state.most_down = bytes,
        }
    }

    /// Bytes that a new connection may carry.
    pub(crate) fn most(&self, direction: Direction) -> Option<u64> {
        let state = self.state();
        match direction {
            Direction::Up => state.most_up,
            Direction::Down => state.most_down,
        }
    }

    pub(crate) fn retarget(&self, target: SocketAddr) {
        self.state().target = target;
    }

    pub(crate) fn target(&self) -> SocketAddr {
        self.state().target
    }

    pub(crate) fn mode(&self) -> Mode {
        self.state().mode
    }

    pub(crate) fn live(&self) -> usize {
        self.state().links.len()
    }

    pub(crate) fn carried(&self) -> u64 {
        self.state().carried
    }

    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        state.mode = Mode::Cut;
        state.links.drain(..).for_each(|l| l.end());
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Puts a connection on the line; `None` if the line was cut meanwhile or is full. Without a server it is in the black hole.
    pub(crate) fn add(&self, client: TcpStream, server: Option<TcpStream>) -> Option<u64> {
        let mut state = self.state();
        if state.mode == Mode::Cut || state.links.len() >= MAX_CONNECTIONS {
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.carried += u64::from(server.is_some());
        let has_lost_bytes = server.is_none();
        state.links.push(Link { id, client, server, has_lost_bytes });
        Some(id)
    }

    /// Takes a connection off the line and ends it.
    pub(crate) fn remove(&self, id: u64) {
        let mut state = self.state();
        state.links.retain(|l| {
            let stays = l.id != id;
            if !stays {
                l.end();
            }
            stays
        });
    }

    /// What happens to the next chunk of a connection. One that lost bytes once swallows all that follows: it may never
    /// carry a torn stream. In one lock with the mode, so that no chunk slips through a restore.
    pub(crate) fn fate(&self, id: u64) -> Fate {
        let mut state = self.state();
        let is_hole = state.mode == Mode::BlackHole;
        let Some(link) = state.links.iter_mut().find(|l| l.id == id) else { return Fate::Swallow };
        link.has_lost_bytes |= is_hole;
        if link.has_lost_bytes { Fate::Swallow } else { Fate::Deliver }
    }
}
