//! Each benchmark beside its peers in one run: this crate prints what they measure.
//!
//! A figure is one measured thing with its peers' values from the same run. People read the table, programs the JSON
//! lines behind it; each line carries the ratio to every peer.

use std::io::{self, Write};

/// One measured thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured, such as `publishes at 100 x 10`.
    pub name: String,
    /// Unit of all values, such as `1/s`, `us`, `bytes/byte`.
    pub unit: &'static str,
    /// Our value.
    pub ours: f64,
    /// Each peer's name and value, from the same run.
    pub peers: Vec<(&'static str, f64)>,
    /// What the project holds itself to, such as `>= 0.75 x log`; empty when nothing is promised.
    pub goal: &'static str,
}

/// Prints the figures of benchmark `bench` as a table, then one JSON line per figure.
///
/// # Errors
/// When `out` cannot be written.
pub fn print(out: &mut impl Write, bench: &str, figures: &[Figure]) -> io::Result<()> {
    let wide = figures.iter().map(|f| f.name.len()).max().unwrap_or(0).max(6);
    writeln!(out, "\n{:<wide$} {:>14} {:<10} {:<40} goal", "figure", bench, "unit", "peers (ours / theirs)")?;
    for f in figures {
        let peers: Vec<_> = f.peers.iter().map(|(name, value)| format!("{name} {} ({:.2} x)", short(*value), f.ours / value)).collect();
        writeln!(out, "{:<wide$} {:>14} {:<10} {:<40} {}", f.name, short(f.ours), f.unit, peers.join(", "), f.goal)?;
    }
    writeln!(out)?;
    for f in figures {
        let peers: serde_json::Map<_, _> = f.peers.iter().map(|(name, v)| ((*name).into(), json(*v))).collect();
        let ratios: serde_json::Map<_, _> = f.peers.iter().map(|(name, v)| ((*name).into(), json(f.ours / v))).collect();
        let line = serde_json::json!({
            "bench": bench, "figure": f.name, "unit": f.unit, "ours": json(f.ours), "peers": peers, "ratio": ratios, "goal": f.goal,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A value as a person reads it: three significant figures below a thousand, whole numbers with separators above.
fn short(value: f64) -> String {
    if value.abs() < 1000.0 {
        let digits = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize };
        return format!("{value:.digits$}");
    }
    let whole = format!("{value:.0}");
    let mut text = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// JSON has no infinity and no NaN: those become null.
fn json(value: f64) -> serde_json::Value {
    serde_json::Number::from_f64(value).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// The middle of `values` (the lower one of two); NaN when there are none.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that `share` (0.0 to 1.0) of `values` do not exceed; NaN when there are none.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * share) as usize).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_a_table_and_a_line_a_program_reads() {
        let figure =
            Figure { name: "appends".into(), unit: "1/s", ours: 316_554.0, peers: vec![("log", 413_129.0)], goal: ">= 0.75 x log" };
        let mut out = Vec::new();
        print(&mut out, "spool", &[figure]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("316,554") && text.contains("log 413,129 (0.77 x)"), "{text}");
        let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(line["peers"]["log"], 413_129.0);
    }

    #[test]
    fn percentiles_of_few_and_of_none() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 1.0), 4.0);
        assert!(median(&[]).is_nan());
    }
}
