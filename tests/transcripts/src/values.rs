//! What differs from run to run, by name: declared in the head of a file, bound where it first appears, and the same from
//! there on. Nothing is ignored.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::signed::{Signature, token};

/// How far a time of this run may be from our clock: one machine, whose seconds are cut off.
const SLACK_SECS: i64 = 2;

/// A line of the head.
#[derive(Debug, Clone)]
pub struct Declared {
    name: String,
    is: Is,
}

#[derive(Debug, Clone)]
enum Is {
    /// In replies: what of this kind stands behind one of these texts.
    Bound(Kind, Vec<String>),
    /// In replies, not bound: what of this kind stands behind this text has to be right each time.
    Checked(Kind, String),
    /// In requests: a device's token with these claims.
    Token(Signature, String),
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Digits.
    Number,
    /// RFC 3339 in UTC, so many seconds from now.
    Time(i64),
    /// RFC 9110's, now.
    Date,
    /// A number of seconds, so many.
    About(i64),
    /// Letters, digits and what base64, tokens and paths have: `-_.~+/=`.
    Word,
}

impl Declared {
    /// `@name = number after "numId":"`, `@name = now+3600 after …`, `@name = token {"aud":…}`, `@name = forged token {…}`.
    pub(crate) fn parse(name: &str, value: &str) -> Result<Self> {
        let name = name.to_owned();
        for (word, signature) in [("token ", Signature::Own), ("forged token ", Signature::Forged)] {
            if let Some(claims) = value.strip_prefix(word) {
                return Ok(Self { name, is: Is::Token(signature, claims.into()) });
            }
        }
        let (kind, after) = value.split_once(" after ").with_context(|| format!("`@{name} = {value}` names no place: `… after …`"))?;
        let kind = match kind {
            "number" => Kind::Number,
            "word" => Kind::Word,
            "date" => Kind::Date,
            "now" => Kind::Time(0),
            "clock" => return Ok(Self { name, is: Is::Checked(Kind::Time(0), after.into()) }),
            _ => {
                let counted = |word| kind.strip_prefix(word).and_then(|offset| offset.parse().ok());
                match (counted("now"), counted("about ")) {
                    (Some(offset), _) => Kind::Time(offset),
                    (_, Some(secs)) => return Ok(Self { name, is: Is::Checked(Kind::About(secs), after.into()) }),
                    _ => bail!("`{kind}` is no kind of value: number, word, date, now, now+SECONDS, clock, about SECONDS"),
                }
            }
        };
        Ok(Self { name, is: Is::Bound(kind, after.split(" or ").map(Into::into).collect()) })
    }
}

impl Kind {
    /// How many bytes at the beginning of `text` are a value of this kind.
    fn length(self, text: &str) -> usize {
        let fits = |c: char| match self {
            Self::Number | Self::About(_) => c.is_ascii_digit(),
            Self::Time(_) => c.is_ascii_digit() || "-:.TZ".contains(c),
            Self::Date => c.is_ascii_alphanumeric() || ", :".contains(c),
            Self::Word => c.is_ascii_alphanumeric() || "-_.~+/=".contains(c),
        };
        let length = text.find(|c| !fits(c)).unwrap_or(text.len());
        // What follows a time may look like more of it.
        let end = text[..length].find('Z').filter(|_| matches!(self, Self::Time(_)));
        end.map_or(length, |z| z + 1)
    }

    fn check(self, name: &str, value: &str, now: i64) -> Result<()> {
        let offset = match self {
            Self::Number | Self::Word => return Ok(()),
            Self::Date => {
                let at = |off| edge::http_date(domain::Timestamp::from_secs(now + off));
                ensure!((-SLACK_SECS..=SLACK_SECS).any(|off| at(off) == value), "`{name}` is `{value}`, and it is {}", at(0));
                return Ok(());
            }
            Self::About(secs) => {
                let near = value.parse().is_ok_and(|value: i64| (secs - SLACK_SECS..=secs + SLACK_SECS).contains(&value));
                ensure!(near, "`{name}` is `{value}`, which is not about {secs}");
                return Ok(());
            }
            Self::Time(offset) => offset,
        };
        let at = |secs: i64| edge::rfc3339(secs, 0).map(|text| text[..19].to_owned()).context("no such time");
        let (from, to) = (at(now + offset - SLACK_SECS)?, at(now + offset + SLACK_SECS)?);
        ensure!(value.ends_with('Z') && value.len() >= 20, "`{name}` is `{value}`, which is no time in UTC");
        let second = &value[..19];
        ensure!(from.as_str() <= second && second <= to.as_str(), "`{name}` is `{value}`: not within {from}Z and {to}Z");
        Ok(())
    }
}

/// The values of one run.
#[derive(Debug, Default)]
pub struct Values {
    /// Still to be found: name, kind, what may stand before.
    open: Vec<(String, Kind, Vec<String>)>,
    /// Found: name, value, what may stand before.
    bound: Vec<(String, String, Vec<String>)>,
    /// To be checked each time: name, kind, what stands before.
    checked: Vec<(String, Kind, String)>,
    /// For requests.
    given: BTreeMap<String, String>,
}

impl Values {
    /// Of a file in a home that gives `given`.
    ///
    /// # Errors
    /// When a token cannot be made.
    pub fn new(declared: &[Declared], given: BTreeMap<String, String>, now: i64) -> Result<Self> {
        let mut values = Self { given, ..Self::default() };
        for Declared { name, is } in declared {
            match is {
                Is::Bound(kind, after) => values.open.push((name.clone(), *kind, after.clone())),
                Is::Checked(kind, after) => values.checked.push((name.clone(), *kind, after.clone())),
                Is::Token(signature, claims) => drop(values.given.insert(name.clone(), token(*signature, claims, now)?)),
            }
        }
        Ok(values)
    }

    /// A request with the values in it.
    ///
    /// # Errors
    /// When it names one that is not known yet.
    pub fn fill(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").context("`{{` without `}}`")?;
            filled = filled + before + &self.value(name)?;
            rest = after;
        }
        Ok(filled + rest)
    }

    fn value(&self, name: &str) -> Result<String> {
        if let Some(inner) = name.strip_prefix("base64 ") {
            return Ok(STANDARD.encode(self.value(inner)?));
        }
        let bound = self.bound.iter().find(|(n, ..)| n == name).map(|(_, value, _)| value);
        self.given.get(name).or(bound).cloned().with_context(|| format!("`{{{{{name}}}}}` is not known here"))
    }

    /// A reply with the names in place of the values; what appears for the first time is bound.
    ///
    /// # Errors
    /// When a value is not what it should be.
    pub fn name(&mut self, reply: &str, now: i64) -> Result<String> {
        let reply = &self.checked(reply, now)?;
        for (name, kind, after) in std::mem::take(&mut self.open) {
            let behind = |text: &String| {
                let rest = &reply[reply.find(text)? + text.len()..];
                Some(&rest[..kind.length(rest)]).filter(|value| !value.is_empty())
            };
            let is_new = |value: &&str| !self.bound.iter().any(|(_, v, a)| v == value && *a == after);
            match after.iter().find_map(behind).filter(is_new) {
                Some(value) => {
                    kind.check(&name, value, now)?;
                    self.bound.push((name, value.into(), after));
                }
                None => self.open.push((name, kind, after)),
            }
        }
        Ok(self.named(reply))
    }

    /// The reply with the names of what is checked each time.
    fn checked(&self, reply: &str, now: i64) -> Result<String> {
        let mut reply = reply.to_owned();
        for (name, kind, after) in &self.checked {
            let mut parts = reply.split(after.as_str());
            let mut named = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (value, rest) = part.split_at(kind.length(part));
                if value.is_empty() {
                    named = named + after + rest;
                } else {
                    kind.check(name, value, now)?;
                    named = named + after + "{{" + name + "}}" + rest;
                }
            }
            reply = named;
        }
        Ok(reply)
    }

    fn named(&self, reply: &str) -> String {
        let given = self.given.iter().map(|(name, value)| (name, value, &[][..]));
        let bound = self.bound.iter().map(|(name, value, after)| (name, value, &after[..]));
        let all: Vec<_> = bound.chain(given).filter(|(_, value, _)| !value.is_empty()).collect();
        let mut named = String::new();
        let mut at = 0;
        while let Some(c) = reply[at..].chars().next() {
            let here = all.iter().filter(|(_, value, _)| reply[at..].starts_with(value.as_str()));
            // Where two have the same value, what stands before says which it is.
            let one = here.max_by_key(|(_, value, after)| (value.len(), after.iter().any(|text| reply[..at].ends_with(text))));
            match one {
                Some((name, value, _)) => {
                    named = named + "{{" + name + "}}";
                    at += value.len();
                }
                None => {
                    named.push(c);
                    at += c.len_utf8();
                }
            }
        }
        named
    }

    /// The names of what never appeared.
    pub fn missing(&self) -> Vec<&str> {
        self.open.iter().map(|(name, ..)| name.as_str()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
