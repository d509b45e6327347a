//! One suite for each port; every adapter runs it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod objects;
pub mod records;
