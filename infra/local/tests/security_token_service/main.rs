//! The stand-in for Google's token services, over HTTP: what it lets through and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod given;
mod refused;
mod town;
