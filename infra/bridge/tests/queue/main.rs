//! Commands that wait for a device, with the device at the other end of a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod attempts;
mod order;
mod rig;
#[path = "../support/mod.rs"]
mod support;
