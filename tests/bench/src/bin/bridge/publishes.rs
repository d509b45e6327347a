//! Publishes per second and processor time of each.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use benchmarks::{Figure, median, percentile};

use crate::Plan;
use crate::load::Load;
use crate::process::Server;

/// Connections and publishes in flight on each.
const SHAPES: [(usize, usize); 4] = [(1, 1), (1, 20), (100, 10), (1000, 4)];
/// Before a turn is counted: connections are warm and windows full.
const WARM_UP: Duration = Duration::from_millis(300);

/// One turn.
struct Turn {
    per_second: f64,
    /// Server's processor time per publish.
    micros: f64,
    pings_ms: Vec<f64>,
}

async fn turn(plan: &Plan, server: &Server, (connections, window): (usize, usize), pings: bool) -> Result<Turn> {
    let mut load = Load::start(server.tcp, &plan.keys.token, connections, window, pings).await?;
    tokio::time::sleep(WARM_UP).await;
    let (start, cpu, acks) = (Instant::now(), server.cpu()?, load.tally.acks.load(Ordering::Relaxed));
    tokio::time::sleep(plan.turn).await;
    let (took, cpu) = (start.elapsed(), server.cpu()? - cpu);
    let acks = (load.tally.acks.load(Ordering::Relaxed) - acks) as f64;
    load.check()?;
    let pings_ms = load.tally.pings.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Turn { per_second: acks / took.as_secs_f64(), micros: cpu.as_secs_f64() * 1e6 / acks, pings_ms })
}

fn per_second(turns: &[Turn]) -> f64 {
    median(&turns.iter().map(|t| t.per_second).collect::<Vec<_>>())
}

fn micros(turns: &[Turn]) -> f64 {
    median(&turns.iter().map(|t| t.micros).collect::<Vec<_>>())
}

/// A sink that answers at once, beside mosquitto, which has none.
pub(crate) async fn prompt(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for shape in SHAPES {
        let (connections, window) = shape;
        let (bridge, mosquitto) = (Server::bridge(plan, connections, 0)?, Server::mosquitto(plan)?);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..plan.turns {
            ours.push(turn(plan, &bridge, shape, false).await?);
            theirs.push(turn(plan, &mosquitto, shape, false).await?);
        }
        let is_goal = shape == (100, 10);
        let figure = |what: &str, unit, of: fn(&[Turn]) -> f64, goal| Figure {
            name: format!("{what}, {connections} x {window}"),
            unit,
            ours: of(&ours),
            peers: vec![("mosquitto", of(&theirs))],
            goal: if is_goal { goal } else { "" },
        };
        figures.push(figure("publishes", "1/s", per_second, ">= 6 x mosquitto"));
        figures.push(figure("processor time", "us", micros, "<= 2 us"));
        eprintln!("{connections} x {window}: {:.0}/s, mosquitto {:.0}/s", per_second(&ours), per_second(&theirs));
    }
    Ok(figures)
}

/// A sink of 20 ms, with pings on the publishing connections.
pub(crate) async fn slow(plan: &Plan) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for shape in SHAPES {
        let (connections, window) = shape;
        let bridge = Server::bridge(plan, connections, 20)?;
        let mut turns = Vec::new();
        for _ in 0..plan.turns {
            turns.push(turn(plan, &bridge, shape, true).await?);
        }
        let pings: Vec<_> = turns.iter().flat_map(|t| t.pings_ms.iter().copied()).collect();
        let is_goal = shape == (1, 20);
        let figure = |what: &str, unit, ours, goal| Figure {
            name: format!("{what} at 20 ms, {connections} x {window}"),
            unit,
            ours,
            peers: vec![],
            goal: if is_goal { goal } else { "" },
        };
        figures.push(figure("publishes", "1/s", per_second(&turns), ">= 900/s"));
        figures.push(figure("ping, middle", "ms", median(&pings), ""));
        figures.push(figure("ping, 99th of 100", "ms", percentile(&pings, 0.99), "answered meanwhile"));
        eprintln!("{connections} x {window} at 20 ms: {:.0}/s, ping {:.2} ms", per_second(&turns), median(&pings));
    }
    Ok(figures)
}
