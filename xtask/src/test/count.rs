//! How many tests passed and failed, read from what the runners write.

use std::ops::AddAssign;

use anyhow::{Context as _, Result};

/// Results of some suites.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) suites: u64,
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Count {
    /// From nextest's JUnit file: the totals stand in its first element.
    pub(super) fn of_junit(text: &str) -> Result<Self> {
        let totals = text.lines().find(|l| l.contains("<testsuites ")).context("no <testsuites>")?;
        let [tests, failures, errors] = ["tests", "failures", "errors"].map(|name| attribute(totals, name));
        let failed = failures? + errors?;
        let suites = text.lines().filter(|l| l.contains("<testsuite ")).count() as u64;
        Ok(Self { suites, passed: tests? - failed, failed })
    }

    /// From the closing lines of libtest: `test result: ok. 3 passed; 0 failed; …`.
    pub(super) fn of_libtest(text: &str) -> Self {
        let mut count = Self::default();
        for line in text.lines().filter(|l| l.starts_with("test result: ")) {
            let number = |word: &str| {
                let before = line.split(word).next().unwrap_or_default();
                before.split_whitespace().last().and_then(|n| n.parse().ok()).unwrap_or(0)
            };
            let (passed, failed): (u64, u64) = (number(" passed"), number(" failed"));
            count += Self { suites: u64::from(passed + failed > 0), passed, failed };
        }
        count
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.suites += other.suites;
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn attribute(line: &str, name: &str) -> Result<u64> {
    let (_, rest) = line.split_once(&format!(" {name}=\"")).with_context(|| format!("no `{name}` in {line}"))?;
    let value = rest.split('"').next().unwrap_or_default();
    value.parse().with_context(|| format!("`{name}` is `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_totals_are_read() {
        let text = "<?xml?>\n<testsuites name=\"nextest-run\" tests=\"12\" failures=\"2\" errors=\"1\" uuid=\"x\">\n\
                    <testsuite name=\"a\" tests=\"6\">\n<testsuite name=\"b\" tests=\"6\">";
        assert_eq!(Count::of_junit(text).unwrap(), Count { suites: 2, passed: 9, failed: 3 });
        assert!(Count::of_junit("<x/>").is_err());
    }

    #[test]
    fn libtest_results_add_up() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored\nx\ntest result: FAILED. 1 passed; 2 failed; 0 ignored\n\
                    test result: ok. 0 passed; 0 failed; 0 ignored";
        assert_eq!(Count::of_libtest(text), Count { suites: 2, passed: 4, failed: 2 });
    }
}
