//! Google's services that throttle and refuse, which no emulator can be made to do, and emulators behind a line that is cut or
//! swallows everything. Firestore's lines stand in `firestore_faults`, Cloud Storage's in `objects`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "faults/firestore.rs"]
mod firestore;
#[path = "faults/publisher.rs"]
mod publisher;
#[path = "faults/refusing.rs"]
mod refusing;
#[path = "faults/storage.rs"]
mod storage;

use std::net::SocketAddr;

/// The address of an emulator that `cargo xtask test` started.
fn emulator(variable: &str) -> SocketAddr {
    let named = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run the tests by `cargo xtask test`"));
    named.trim_start_matches("http://").parse().unwrap()
}
