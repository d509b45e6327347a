//! `cargo xtask bench bridge`: the bridge beside Debian's mosquitto: one load generator, one run, in turns.
//!
//! | figure | how |
//! | --- | --- |
//! | publishes | QoS 1, 200 B; connections x in flight; a sink that answers at once, and one of 20 ms (bridge only) |
//! | processor time | of the server alone, from `/proc/PID`, over the same seconds |
//! | ping | PINGREQ to PINGRESP on the connection that publishes, behind the 20 ms sink |
//! | memory | resident, 10,000 idle connections less none, per connection; TCP and TLS |
//! | strangers | 10,000 connections that never send CONNECT: what they cost, and how long a device behind them waits |
//! | connects | TLS 1.3 handshake, CONNECT, CONNACK, close; the bridge also verifies an ES256 token, mosquitto nothing |
//!
//! The servers are processes of their own. Ratios are medians of turns, so that other work on the machine hits both.
//! `DRAWBRIDGE_BENCH_TURNS` (5) and `DRAWBRIDGE_BENCH_SECS` (2 per turn) make it shorter or longer.

mod connects;
mod idle;
mod keys;
mod load;
mod process;
mod publishes;
mod server;
mod wire;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use benchmarks::Figure;

/// What a run is made of.
pub(crate) struct Plan {
    /// Turns per figure.
    pub(crate) turns: usize,
    /// Length of a turn.
    pub(crate) turn: Duration,
    /// What lets every device in.
    pub(crate) keys: keys::Keys,
}

/// File descriptors this process and the servers need: 10,000 connections and the rest.
const FILES: u64 = 12_000;

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(server::CHILD) {
        return server::run();
    }
    if let Some(status) = process::again_with_files(FILES)? {
        std::process::exit(status);
    }
    let plan = Plan {
        turns: setting("DRAWBRIDGE_BENCH_TURNS", 5)? as usize,
        turn: Duration::from_secs(setting("DRAWBRIDGE_BENCH_SECS", 2)?),
        keys: keys::Keys::new()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let figures = runtime.block_on(measure(&plan))?;
    let mut out = std::io::stdout().lock();
    benchmarks::print(&mut out, "bridge", &figures)?;
    Ok(out.flush()?)
}

async fn measure(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = publishes::prompt(plan).await.context("publishes")?;
    figures.extend(publishes::slow(plan).await.context("publishes behind a sink of 20 ms")?);
    figures.extend(connects::figures(plan).await.context("TLS connects")?);
    figures.extend(idle::figures(plan).await.context("idle connections")?);
    Ok(figures)
}

fn setting(name: &str, default: u64) -> Result<u64> {
    std::env::var(name).map_or(Ok(default), |value| value.parse()).with_context(|| format!("{name} must be a number"))
}
