//! Files of devices, against a folder, records in memory and a store that signs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test looks into the folder behind the port")]

mod access;
mod access_token;
mod download;
mod redirect;
mod support;
mod upload;
