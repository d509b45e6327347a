//! The registry over REST, one module per resource of the URL tree, against records in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod config;
mod create_device;
mod delete_device;
mod gateways;
mod get_device;
mod groups;
mod leniency;
mod list_devices;
mod policies;
mod registries;
mod support;
mod unimplemented;
mod update_device;
