//! What the local stack's tokens open, over HTTP. Google's own clients try the same in `tests/e2e/tests/google_clients.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod pubsub;
mod storage;
mod support;
mod uploads;
