//! The numbers of docs/architecture.md about the size of files. That of functions is held by Clippy.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::shell;

const MEDIAN_LIMIT: usize = 100;
const P90_LIMIT: usize = 250;
const LIMIT: usize = 400;

/// Counts the production lines of every Rust file that git knows or would take.
pub(super) fn check() -> Result<()> {
    let mut git = Command::new("git");
    git.current_dir(shell::root()).args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", "*.rs"]);
    let mut sizes = Vec::new();
    for path in shell::output(&mut git)?.lines().filter(|path| is_production(path)) {
        // A file that git still knows and that is gone has no lines.
        let Ok(text) = fs::read_to_string(shell::root().join(path)) else { continue };
        sizes.push((production_lines(&text), path.to_owned()));
    }
    sizes.sort();
    let share = |percent: usize| sizes.get(sizes.len() * percent / 100).map_or(0, |(lines, _)| *lines);
    let (largest, path) = sizes.last().context("no Rust file")?;
    let (median, p90) = (share(50), share(90));
    println!("  {} files: median {median} production lines, p90 {p90}, largest {largest} ({path})", sizes.len());
    ensure!(median <= MEDIAN_LIMIT, "the median file has {median} production lines; the limit is {MEDIAN_LIMIT}");
    ensure!(p90 <= P90_LIMIT, "one file in ten has {p90} production lines or more; the limit is {P90_LIMIT}");
    if *largest > LIMIT {
        bail!("{path} has {largest} production lines; it is split at {LIMIT}");
    }
    Ok(())
}

fn is_production(path: &str) -> bool {
    !path.split('/').any(|part| part == "tests" || part == "benches" || part == "tests.rs")
}

/// Lines that are not blank, before the inline tests.
fn production_lines(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).filter(|line| !line.trim().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_production_counts() {
        assert_eq!(production_lines("//! Doc\n\nfn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert!(is_production("xtask/src/test.rs") && !is_production("tests/e2e/src/lib.rs") && !is_production("durable/tests/store.rs"));
    }
}
