//! The numbers of docs/architecture.md about the size of files, those of tests among them. That of functions is held by Clippy.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::shell;

const MEDIAN_LIMIT: usize = 100;
const P90_LIMIT: usize = 250;
const LIMIT: usize = 400;

/// Counts the lines of every Rust file that git knows or would take.
pub(super) fn check() -> Result<()> {
    let mut git = Command::new("git");
    git.current_dir(shell::root()).args(["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", "*.rs"]);
    let (mut sizes, mut largest) = (Vec::new(), (0, String::new()));
    for path in shell::output(&mut git)?.lines() {
        // A file that git still knows and that is gone has no lines.
        let Ok(text) = fs::read_to_string(shell::root().join(path)) else { continue };
        if is_production(path) {
            sizes.push(production_lines(&text));
        }
        largest = largest.max((text.lines().count(), path.to_owned()));
    }
    sizes.sort_unstable();
    let share = |percent: usize| sizes.get(sizes.len() * percent / 100).copied().unwrap_or_default();
    let (median, p90, (lines, path)) = (share(50), share(90), largest);
    println!("  {} files: median {median} production lines, p90 {p90}; the longest of all, tests too, has {lines} ({path})", sizes.len());
    ensure!(median <= MEDIAN_LIMIT, "the median file has {median} production lines; the limit is {MEDIAN_LIMIT}");
    ensure!(p90 <= P90_LIMIT, "one file in ten has {p90} production lines or more; the limit is {P90_LIMIT}");
    ensure!(lines <= LIMIT, "{path} has {lines} lines; a file is split at {LIMIT}, of tests too");
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
