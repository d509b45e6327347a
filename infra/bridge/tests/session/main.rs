//! The life of a session.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod ends;
mod pressure;
mod stopping;
#[path = "../support/mod.rs"]
mod support;
