//! What a person sees meanwhile: a live line on a terminal, a plain line a second otherwise.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::tally::thousands;

const PLAIN_EVERY: Duration = Duration::from_secs(1);

const BAR_WIDTH: u64 = 24;

/// Shows how far it is.
pub(super) struct Progress {
    is_terminal: bool,
    next_plain: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { is_terminal: io::stdout().is_terminal(), next_plain: Instant::now() }
    }

    /// A line that stays.
    pub(super) fn say(&mut self, text: &str) {
        self.clear();
        println!("{text}");
        self.next_plain = Instant::now();
    }

    /// The state now.
    pub(super) fn show(&mut self, accepted: u64, delivered: u64, of: u64, is_cut: bool) {
        if !self.is_terminal && Instant::now() < self.next_plain {
            return;
        }
        self.next_plain = Instant::now() + PLAIN_EVERY;
        let filled = usize::try_from(delivered * BAR_WIDTH / of.max(1)).unwrap_or_default();
        let held = accepted.saturating_sub(delivered);
        let line = if is_cut { "cut" } else { "up" };
        let counts =
            format!("{} accepted, {} delivered, {} kept on the device", thousands(accepted), thousands(delivered), thousands(held));
        if !self.is_terminal {
            println!("  {counts}, line {line}");
            return;
        }
        self.clear();
        print!("  [{:<width$}] {counts}, line {line}", "=".repeat(filled), width = BAR_WIDTH as usize);
        // A terminal that is gone shows nothing; the run goes on.
        let _shown = io::stdout().flush();
    }

    /// Makes place for what follows.
    pub(super) fn end(&self) {
        self.clear();
    }

    fn clear(&self) {
        if self.is_terminal {
            print!("\r\x1b[2K");
        }
    }
}
