//! The HTTP bridge, one module per method, against records in memory and a publisher that remembers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod authentication;
mod config;
mod gateway_info;
mod publish_event;
mod publish_events;
mod reads;
mod set_state;
mod support;
