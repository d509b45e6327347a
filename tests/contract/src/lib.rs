//! One suite for each port; every adapter runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

pub mod command_channel;
pub mod objects;
pub mod policies;
pub mod publisher;
pub mod records;
pub mod signing_keys;
