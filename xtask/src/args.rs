//! Flags of a command, taken one by one; what is left over was a mistake.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use anyhow::{Error, Result, anyhow};

/// The words after a command.
pub(crate) struct Args {
    words: Vec<String>,
    help: &'static str,
}

impl Args {
    /// `None` when help was asked for and has been printed.
    pub(crate) fn of(words: Vec<String>, help: &'static str) -> Option<Self> {
        if words.iter().any(|w| w == "--help" || w == "-h") {
            println!("{help}");
            return None;
        }
        Some(Self { words, help })
    }

    /// Whether `flag` stands there.
    pub(crate) fn has(&mut self, flag: &str) -> bool {
        let place = self.words.iter().position(|w| w == flag);
        place.map(|p| self.words.remove(p)).is_some()
    }

    /// The number after `flag`, or `default`.
    pub(crate) fn number<T>(&mut self, flag: &str, default: T, range: RangeInclusive<T>) -> Result<T>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let Some(place) = self.words.iter().position(|w| w == flag) else { return Ok(default) };
        self.words.remove(place);
        let given = if place < self.words.len() { self.words.remove(place) } else { String::new() };
        let number = given.parse().ok().filter(|n| range.contains(n));
        number.ok_or_else(|| usage(format!("{flag} is `{given}`: it must be a number from {} to {}", range.start(), range.end())))
    }

    /// The first word that is no flag.
    pub(crate) fn word(&mut self) -> Option<String> {
        let place = self.words.iter().position(|w| !w.starts_with('-'));
        place.map(|p| self.words.remove(p))
    }

    /// Refuses what nobody asked for.
    pub(crate) fn finish(self) -> Result<()> {
        match self.words.first() {
            None => Ok(()),
            Some(unknown) => Err(usage(format!("`{unknown}` is not known here\n\n{}", self.help))),
        }
    }
}

/// An error in what was typed.
pub(crate) fn usage(text: String) -> Error {
    anyhow!(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &str) -> Args {
        Args { words: words.split_whitespace().map(Into::into).collect(), help: "help" }
    }

    #[test]
    fn flags_are_taken_in_any_order() {
        let mut a = args("name --readings 20 --stay");
        assert!(a.has("--stay") && !a.has("--stay"));
        assert_eq!(a.number("--readings", 1, 1..=100).unwrap(), 20);
        assert_eq!(a.number("--cut", 3, 1..=60).unwrap(), 3);
        assert_eq!(a.word().as_deref(), Some("name"));
        a.finish().unwrap();
    }

    #[test]
    fn a_refusal_names_the_value_and_the_limit() {
        let refused = args("--readings many").number("--readings", 1, 1..=100).unwrap_err().to_string();
        assert_eq!(refused, "--readings is `many`: it must be a number from 1 to 100");
        assert!(args("--readings").number("--readings", 1, 1..=100).is_err());
        assert!(args("--fast").finish().unwrap_err().to_string().starts_with("`--fast` is not known here"));
    }
}
