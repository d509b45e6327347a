//! How far it is, for a person who watches: on a terminal alone.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Between two lines; a slow terminal must not slow the download.
const EVERY: Duration = Duration::from_millis(200);
/// Characters of the bar.
const WIDTH: u64 = 30;

/// Draws one line over itself on standard error.
pub(crate) struct Progress {
    is_shown: bool,
    drawn: Option<Instant>,
    /// Where this attempt began, and when.
    from: (u64, Instant),
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), drawn: None, from: (0, Instant::now()) }
    }

    /// An attempt begins with so many bytes there.
    pub(crate) fn start(&mut self, have: u64) {
        self.from = (have, Instant::now());
    }

    pub(crate) fn show(&mut self, have: u64, size: u64) {
        let is_due = self.drawn.is_none_or(|at| at.elapsed() >= EVERY) || have == size;
        if !self.is_shown || !is_due {
            return;
        }
        self.drawn = Some(Instant::now());
        let rate = (have - self.from.0.min(have)) as f64 / self.from.1.elapsed().as_secs_f64().max(0.001);
        self.draw(&line(have, size, rate));
    }

    /// Says something in the place of the bar.
    pub(crate) fn say(&mut self, text: &str) {
        if self.is_shown {
            self.draw(text);
        }
    }

    /// Leaves the terminal as a line begins.
    pub(crate) fn end(&mut self) {
        if self.drawn.take().is_some() {
            self.draw("");
        }
    }

    fn draw(&self, text: &str) {
        // A terminal that has gone shows nothing.
        let _gone = write!(std::io::stderr(), "\r\x1b[K{text}");
    }
}

fn line(have: u64, size: u64, bytes_per_sec: f64) -> String {
    let done = (have * WIDTH).checked_div(size).unwrap_or(WIDTH) as usize;
    let percent = (have * 100).checked_div(size).unwrap_or(100);
    let mb = |bytes: f64| bytes / 1_000_000.0;
    let (bar, rest) = ("#".repeat(done), ".".repeat(WIDTH as usize - done));
    format!("[{bar}{rest}] {percent:3} %  {:.1} of {:.1} MB  {:.1} MB/s", mb(have as f64), mb(size as f64), mb(bytes_per_sec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_how_fast() {
        assert_eq!(line(5_000_000, 10_000_000, 1_250_000.0), "[###############...............]  50 %  5.0 of 10.0 MB  1.2 MB/s");
        assert!(line(0, 0, 0.0).contains("100 %"));
    }
}
