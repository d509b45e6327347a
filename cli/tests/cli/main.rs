//! The command line against a real `drawbridge up`, verb by verb.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod access_tokens;
mod apply;
mod bad_input;
mod commands;
mod configs;
mod credentials;
mod device;
mod devices;
mod errors;
mod examples;
mod forwarder;
mod gateways;
mod profile;
mod registries;
mod settings;
mod supervision;
mod support;
