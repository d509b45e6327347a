//! Gateways: devices that speak for others.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod attach;
mod limits;
mod refusals;
mod revoked;
mod rig;
#[path = "../support/mod.rs"]
mod support;
mod traffic;
