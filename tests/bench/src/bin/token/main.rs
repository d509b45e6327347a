//! `cargo xtask bench token`: exchanges a second on one core, beside the bare signature check of the crypto library.
//!
//! | figure | how |
//! | --- | --- |
//! | warm | a request of `generateAccessToken` through the function's whole `Router` (`oneshot`, no socket); the token is cached |
//! | proof alone | `domain::identity::authenticate`: read the token, find the device, check claims and signature |
//! | cold | as warm, but no token is cached: a subject token is signed, and an issuer that answers at once is asked |
//! | bare | `jsonwebtoken::crypto::verify` (aws-lc) of the same tokens, with keys that are ready |
//!
//! Requests are made before the clock runs and answers read after it: both are a caller's work. The clock is the processor time of
//! the one thread that does everything. There are 64 devices with a key each, and records are in memory. Ratios are medians of turns, ours and bare one after the
//! other, so that other work on the machine hits both. `DRAWBRIDGE_BENCH_TURNS` (7) and `DRAWBRIDGE_BENCH_MILLIS` (300 a
//! turn) make it shorter or longer; `DRAWBRIDGE_BENCH_ONLY=warm` runs one figure alone, for a profiler.

mod fleet;
mod service;
mod watch;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use benchmarks::{Figure, median};
use jsonwebtoken::Algorithm;

use self::fleet::Fleet;
use self::service::Service;

/// What the project holds itself to.
const GOAL: &str = ">= 0.8 x bare";

struct Plan {
    turns: usize,
    turn: Duration,
    only: Option<String>,
}

fn main() -> Result<()> {
    let plan = Plan {
        turns: usize::try_from(setting("DRAWBRIDGE_BENCH_TURNS", 7)?)?,
        turn: Duration::from_millis(setting("DRAWBRIDGE_BENCH_MILLIS", 300)?),
        only: std::env::var("DRAWBRIDGE_BENCH_ONLY").ok(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut figures = Vec::new();
    for algorithm in [Algorithm::ES256, Algorithm::RS256] {
        let fleet = Fleet::new(algorithm)?;
        let service = runtime.block_on(Service::new(&fleet))?;
        figures.extend(measure(&plan, &runtime, &fleet, &service)?);
    }
    let mut out = std::io::stdout().lock();
    benchmarks::print(&mut out, "token", &figures)?;
    Ok(out.flush()?)
}

/// Something done once for each device, and how long it took.
type Work<'a> = Box<dyn Fn() -> Result<Duration> + 'a>;

fn measure(plan: &Plan, runtime: &tokio::runtime::Runtime, fleet: &Fleet, service: &Service) -> Result<Vec<Figure>> {
    let all: [(&str, &'static str, Work<'_>); 3] = [
        ("warm", GOAL, Box::new(|| runtime.block_on(service.warm(fleet)))),
        ("proof alone", "", Box::new(|| runtime.block_on(service.proof(fleet)))),
        ("cold", "", Box::new(|| runtime.block_on(service.cold(fleet)))),
    ];
    let mut figures = Vec::new();
    for (name, goal, work) in all {
        if plan.only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..plan.turns {
            ours.push(rate(plan.turn, &work)?);
            bare.push(rate(plan.turn, &|| fleet.verify())?);
        }
        let name = format!("{:?} {name}", fleet.algorithm);
        figures.push(Figure { name, unit: "1/s", ours: median(&ours), peers: vec![("bare", median(&bare))], goal });
    }
    Ok(figures)
}

/// How often `work` is done a second, by the time it says it took.
fn rate(turn: Duration, work: &dyn Fn() -> Result<Duration>) -> Result<f64> {
    let (mut took, mut done) = (Duration::ZERO, 0);
    while took < turn {
        took += work()?;
        done += fleet::DEVICES;
    }
    Ok(done as f64 / took.as_secs_f64())
}

fn setting(name: &str, default: u64) -> Result<u64> {
    std::env::var(name).map_or(Ok(default), |value| value.parse()).with_context(|| format!("{name} must be a number"))
}
