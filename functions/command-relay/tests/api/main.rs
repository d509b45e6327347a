//! The relay over REST, one module per resource of the URL tree, against records in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test asks from several tasks at once")]

mod advance;
mod broadcasts;
mod commands;
mod config;
mod no_session;
mod race;
mod send_command;
mod support;
