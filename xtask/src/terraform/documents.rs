//! What the documents say of what is rented: docs/cost.md has each kind of resource, docs/operations.md each alert.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::applied::Applied;
use crate::shell;

/// Before the table of what is rented.
const RENTED: &str = "## What is rented, and what it costs while nobody calls";

/// Before the table of alerts.
const ALERTS: &str = "## When an alert comes";

/// Stands in a name for what differs from one alert to the next.
const ANY: &str = "…";

/// Compares the kinds of resources with those of these designs in docs/cost.md; both ways.
pub(super) fn costs(applied: &Applied, designs: &[&str]) -> Result<()> {
    let text = section("docs/cost.md", RENTED)?;
    let rows = text.lines().filter(|line| designs.iter().any(|design| line.starts_with(&format!("| {design} |"))));
    let said: BTreeSet<&str> = rows.flat_map(quoted).collect();
    let made: BTreeSet<&str> = applied.resources.iter().map(|one| one.kind.as_str()).collect();
    let unsaid: Vec<_> = made.difference(&said).collect();
    ensure!(unsaid.is_empty(), "docs/cost.md does not say what these cost while nobody calls ({}): {unsaid:?}", designs.join(", "));
    let unmade: Vec<_> = said.difference(&made).collect();
    ensure!(unmade.is_empty(), "docs/cost.md names what {} does not make: {unmade:?}", designs.join(", "));
    Ok(())
}

/// Compares the alerts with the rows of docs/operations.md; both ways.
pub(super) fn alerts(applied: &Applied, cloud: &str) -> Result<()> {
    let text = section("docs/operations.md", ALERTS)?;
    let rows: Vec<&str> =
        text.lines().filter(|line| line.ends_with(&format!("| {cloud} |"))).filter_map(|line| quoted(line).next()).collect();
    let google = applied.of("google_monitoring_alert_policy").filter_map(|one| one.values["display_name"].as_str());
    let names: Vec<&str> =
        google.chain(applied.of("aws_cloudwatch_metric_alarm").filter_map(|one| one.values["alarm_name"].as_str())).collect();
    ensure!(!names.is_empty(), "no alert was made at {cloud}");
    for name in &names {
        ensure!(rows.iter().any(|row| fits(row, name)), "docs/operations.md does not say what to do when `{name}` comes from {cloud}");
    }
    for row in &rows {
        ensure!(names.iter().any(|name| fits(row, name)), "docs/operations.md has the alert `{row}` of {cloud}, and nothing makes it");
    }
    Ok(())
}

/// Whether a row's name is that of an alert.
fn fits(row: &str, name: &str) -> bool {
    match row.split_once(ANY) {
        Some((before, after)) => name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after),
        None => row == name,
    }
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// From a heading to the next of its rank.
fn section(file: &str, heading: &str) -> Result<String> {
    let text = fs::read_to_string(shell::root().join(file)).with_context(|| format!("reading {file}"))?;
    let (_, rest) = text.split_once(&format!("{heading}\n")).with_context(|| format!("{file} has no `{heading}`"))?;
    Ok(rest.split("\n## ").next().unwrap_or(rest).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_may_stand_for_alerts_that_differ_in_a_name() {
        assert!(fits("drawbridge: … fails", "drawbridge: drawbridge-tokens fails") && fits("a", "a"));
        assert!(!fits("drawbridge: … fails", "drawbridge: events wait") && !fits("a…a", "a") && !fits("a", "b"));
    }

    #[test]
    fn the_documents_have_their_tables() {
        assert!(section("docs/cost.md", RENTED).unwrap().lines().flat_map(quoted).any(|kind| kind == "google_kms_crypto_key"));
        assert!(section("docs/operations.md", ALERTS).unwrap().lines().flat_map(quoted).any(|row| row.starts_with("Drawbridge: ")));
    }
}
