//! The token service, one module per path, against records in memory, keys in a file and an issuer that remembers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod anything;
mod attacks;
mod bounds;
mod generate_access_token;
mod remembered;
mod support;
mod token;
mod well_known;
