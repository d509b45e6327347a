//! `drawbridge cost`: what each design costs a month, from one dated price table.

mod designs;
mod load;
mod picture;
mod prices;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::json;

use crate::error;
use crate::table;
use designs::Cost;
use load::Load;
use prices::Prices;

/// Compare what the designs cost a month.
///
/// List prices without free tiers, one subscriber. What it cannot know: your discounts, the traffic of TLS handshakes, logs,
/// and the SIM cards.
#[derive(Parser)]
#[command(after_help = "Examples:
  drawbridge cost --devices 10000 --per-minute 1 --bytes 200
  drawbridge cost --devices 10000 --per-minute 1 --bytes 200 --batch 60   # a message an hour: what that saves
  drawbridge cost --devices 10000 --picture cost.svg
  drawbridge cost --print-prices > mine.toml; drawbridge cost --devices 10000 --prices mine.toml")]
pub(crate) struct Args {
    /// Devices that are connected all the time
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    devices: u64,
    /// Readings of each device a minute
    #[arg(long, value_name = "COUNT", default_value_t = 1.0, value_parser = positive)]
    per_minute: f64,
    /// Bytes of a reading
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=262_144))]
    bytes: u64,
    /// Readings that a device puts into one message
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// A price table of your own, in the form of --print-prices
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Print the price table with its sources, and nothing else
    #[arg(long)]
    print_prices: bool,
    /// Write the break-even over the number of devices as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 60_000.0 => Ok(value),
        _ => Err(format!("`{text}` is no number above 0 and up to 60,000 (1,000 readings a second)")),
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.print_prices {
        return table::print(prices::BUILT_IN);
    }
    let prices = match &args.prices {
        Some(file) => given(file)?,
        None => Prices::read(prices::BUILT_IN)?,
    };
    #[allow(clippy::cast_precision_loss, reason = "counts up to 1e8 are exact in an f64")]
    let [devices, bytes, batch] = [args.devices, args.bytes, args.batch].map(|count| count as f64);
    let load = Load { devices, per_minute: args.per_minute, bytes, batch };
    if let Some(file) = &args.picture {
        fs::write(file, picture::svg(&load, &prices)).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    let mut costs = designs::all(&load, &prices);
    costs.sort_by(|a, b| a.total().total_cmp(&b.total()));
    table::print(&if args.json { as_json(&costs, &prices) } else { as_text(&costs, &load, &prices) })
}

fn given(file: &Path) -> Result<Prices> {
    let text = fs::read_to_string(file).map_err(|e| error::usage(format!("--prices {}: {e}", file.display())))?;
    Prices::read(&text).map_err(|e| error::usage(format!("--prices {}: {}", file.display(), e.message())))
}

fn as_json(costs: &[Cost], prices: &Prices) -> String {
    let designs: Vec<_> = costs
        .iter()
        .map(|cost| {
            let items: serde_json::Map<_, _> =
                cost.items.iter().map(|(what, dollars)| ((*what).to_owned(), json!(cents(*dollars)))).collect();
            json!({"id": cost.id, "design": cost.design, "dollarsPerMonth": cents(cost.total()), "items": items})
        })
        .collect();
    format!("{:#}\n", json!({"pricesAsOf": prices.as_of, "designs": designs}))
}

fn cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

fn as_text(costs: &[Cost], load: &Load, prices: &Prices) -> String {
    let rows: Vec<_> = costs
        .iter()
        .map(|cost| {
            let mut items: Vec<_> = cost.items.iter().filter(|(_, dollars)| *dollars >= 0.005 * cost.total()).collect();
            items.sort_by(|a, b| b.1.total_cmp(&a.1));
            let items: Vec<_> = items.iter().map(|(what, dollars)| format!("{what} {}", money(*dollars))).collect();
            json!({"design": cost.design, "total": money(cost.total()), "items": items.join(", ")})
        })
        .collect();
    let columns: [table::Column; 3] =
        [("DESIGN", |r| table::cell(&r["design"])), ("$ A MONTH", |r| table::cell(&r["total"])), ("OF THAT", |r| table::cell(&r["items"]))];
    let head = format!(
        "{} devices, {} messages a month of {} bytes; list prices of {} without free tiers\n\n",
        thousands(load.devices),
        thousands(load.messages()),
        thousands(load.payload_bytes()),
        prices.as_of
    );
    head + &table::table(&rows, &columns)
}

fn money(dollars: f64) -> String {
    if dollars < 10.0 { format!("{dollars:.2}") } else { thousands(dollars) }
}

/// A number to the unit, a comma at every third digit.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_people() {
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.4].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_picture_of_the_documents_is_what_the_command_draws() {
        let load = Load { devices: 1.0, per_minute: 1.0, bytes: 200.0, batch: 1.0 };
        let drawn = picture::svg(&load, &Prices::read(prices::BUILT_IN).unwrap());
        assert!(drawn == include_str!("../../docs/cost.svg"), "run `drawbridge cost --picture docs/cost.svg` again");
    }

    const DOCUMENT: &str = include_str!("../../docs/cost.md");
    const EXAMPLES: &str = include_str!("../../terraform/README.md");
    const README: &str = include_str!("../../README.md");

    fn prices() -> Prices {
        Prices::read(prices::BUILT_IN).unwrap()
    }

    fn total(id: &str, devices: f64, batch: f64) -> f64 {
        let load = Load { devices, per_minute: 1.0, bytes: 200.0, batch };
        let costs = designs::all(&load, &Prices::read(prices::BUILT_IN).unwrap());
        costs.iter().find(|cost| cost.id == id).unwrap().total()
    }

    #[test]
    fn the_table_of_the_documents_says_what_the_command_says() {
        let load = Load { devices: 1.0, per_minute: 1.0, bytes: 200.0, batch: 1.0 };
        for cost in designs::all(&load, &Prices::read(prices::BUILT_IN).unwrap()) {
            let name = cost.design.trim_start_matches("Drawbridge: ");
            let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| {name}"))).expect(name);
            let said: Vec<_> = row.split('|').map(str::trim).skip(2).take(4).collect();
            let of = |devices, batch| money(total(cost.id, devices, batch));
            assert_eq!(said, [of(50.0, 1.0), of(10_000.0, 1.0), of(10_000.0, 60.0), of(1e6, 1.0)], "{name}");
        }
    }

    #[test]
    fn the_sentences_of_the_documents_say_what_follows_from_the_prices() {
        let floor = format!("some {} dollars", money(total("bridge", 1.0, 1.0)));
        assert!([DOCUMENT, EXAMPLES, README].iter().all(|page| page.contains(&floor)), "{floor}");
        let sizes = (1..1000).map(|hundreds| f64::from(hundreds) * 100.0);
        let even = sizes.into_iter().find(|&devices| total("http", devices, 1.0) > total("bridge", devices, 1.0)).unwrap();
        let even = format!("Below some {} devices, functions alone win", thousands(even));
        assert!(DOCUMENT.contains(&even), "{even}");
        let ours = ["bridge", "aws-iot", "http", "direct"];
        let cheaper: Vec<_> = ours.iter().map(|id| total(id, 10_000.0, 1.0) / total(id, 10_000.0, 60.0)).collect();
        let (least, most) = cheaper.iter().fold((f64::MAX, 0.0f64), |(least, most), &times| (least.min(times), most.max(times)));
        let batches = format!("every design of ours {least:.1} to {most:.0} times cheaper");
        assert!(DOCUMENT.contains(&batches), "{batches}");
    }

    #[test]
    fn what_stands_idle_costs_what_follows_from_the_prices() {
        let (of, run) = (prices().compute, prices().cloud_run);
        // A month of 730 hours.
        let instance = 2_628_000.0 * (run.vcpu_second + 0.5 * run.gib_second);
        let (bridge, nats) = (2.0 * of.e2_small_month, 3.0 * of.e2_micro_month);
        for said in [
            format!("{bridge:.2} for the two nodes"),
            format!("{nats:.2} for three nodes of NATS"),
            format!("{:.2} for both together", of.forwarding_rule_month),
            format!("{:.2} for five disks of 10 GB", 50.0 * of.disk_gb_month),
            format!("request-based prices {instance:.2} dollars"),
        ] {
            assert!(DOCUMENT.contains(&said), "{said}");
        }
        let month = format!("{instance:.0} dollars a month while one is connected");
        assert!(README.contains(&month), "{month}");
    }

    #[test]
    fn a_misspelt_price_is_refused() {
        let text = prices::BUILT_IN.replace("gb_out", "gb_otu");
        assert!(Prices::read(&text).unwrap_err().to_string().contains("gb_otu"));
    }
}
