//! gRPC on the port of HTTP, in a whole installation, by a client that knows no more of gRPC than frames and trailers: what goes
//! over the wire, and that nothing is lost between the two ways to say it. Google's own client is tried in `tests/e2e`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod client;
mod fields;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod wire;
