//! A shim as a real process, and a bridge that does what a test tells it to.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

pub(crate) mod bridge;
pub(crate) mod client;
pub(crate) mod shim;
pub(crate) mod tls;

use std::time::{Duration, Instant};

/// Waits until `done`, at most 20 s.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < give_up, "gave up waiting until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
