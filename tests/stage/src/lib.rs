//! # The stage: real processes on this machine
//!
//! What the demo and the end-to-end tests play with: the cloud side as [`Cloud`] (`drawbridge up`) or as [`Node`]s around a
//! [`NatsServer`], a device as [`Shim`] (`drawbridge-shim run`), a reader of the topic log as [`Tail`], an [`Http`] client, and systemd as [`ServiceManager`].
//!
//! Promise: a process ends with its value, also when a test panics; each wait has a limit, and an error quotes the log.
//! Everything binds to and talks to loopback.

mod administrator;
mod binaries;
mod cloud;
mod http;
mod nats;
mod node;
mod process;
mod service_manager;
mod shim;
mod tail;

pub use administrator::Administrator;
pub use binaries::Binaries;
pub use cloud::{ADMIN_TOKEN, Cloud, CloudOptions, DeviceId};
pub use http::{Http, Reply};
pub use nats::{NatsServer, free_address};
pub use node::Node;
pub use process::{GRACE, Process, signal, tail_of};
pub use service_manager::ServiceManager;
pub use shim::{Shim, ShimOptions};
pub use tail::{Delivered, Tail};

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// How long a process may take until it listens. It takes tens of milliseconds; a busy machine gets the rest.
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// Waits for the ready file that a process writes, as JSON, once everything listens.
fn wait_for_ready(process: &mut Process, file: &Path) -> Result<Value> {
    process.wait_for(&format!("ready file {}", file.display()), START_LIMIT, || {
        // Not there yet, or not yet whole: look again.
        Ok(fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    })
}

fn address(ready: &Value, key: &str) -> Result<SocketAddr> {
    let text = ready[key].as_str().with_context(|| format!("the ready file has no `{key}`: {ready}"))?;
    text.parse().with_context(|| format!("`{key}` in the ready file is not an address: {text}"))
}
