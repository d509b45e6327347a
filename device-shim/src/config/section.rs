//! One section of a TOML file, read key by key: what is asked for is what is known.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::{Table, Value};

use super::ConfigError;

/// A section and the keys that have been asked for so far.
pub(super) struct Section {
    prefix: String,
    table: Table,
    known: Vec<&'static str>,
}

impl Section {
    pub(super) fn root(text: &str) -> Result<Self, ConfigError> {
        let table = text.parse::<Table>().map_err(|error| ConfigError::Syntax(syntax(text, &error)))?;
        Ok(Self { prefix: String::new(), table, known: Vec::new() })
    }

    pub(super) fn section(&mut self, key: &'static str) -> Result<Self, ConfigError> {
        let table = match self.take(key) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => return Err(self.refuse(key, &shown(&other), &format!("a section, `[{key}]`"))),
        };
        Ok(Self { prefix: format!("{key}."), table, known: Vec::new() })
    }

    /// A text that must be there and that `T` can read.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &'static str, allowed: &str) -> Result<T, ConfigError> {
        let value = self.take(key).ok_or_else(|| ConfigError::Missing { key: self.name(key), allowed: allowed.into() })?;
        value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| self.refuse(key, &shown(&value), allowed))
    }

    /// A text that `read` can read, if it is there.
    pub(super) fn optional<T>(&mut self, key: &'static str, read: fn(&str) -> Option<T>, allowed: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.as_str().and_then(read).map(Some).ok_or_else(|| self.refuse(key, &shown(&value), allowed))
    }

    pub(super) fn required_path(&mut self, key: &'static str, allowed: &str) -> Result<PathBuf, ConfigError> {
        self.path(key)?.ok_or_else(|| ConfigError::Missing { key: self.name(key), allowed: allowed.into() })
    }

    pub(super) fn path(&mut self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.into())),
            Some(other) => Err(self.refuse(key, &shown(&other), "a path, in quotes")),
        }
    }

    pub(super) fn loopback(&mut self, key: &'static str) -> Result<Option<SocketAddr>, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let address: Option<SocketAddr> = value.as_str().and_then(|text| text.parse().ok());
        match address {
            Some(address) if address.ip().is_loopback() => Ok(Some(address)),
            _ => Err(self.refuse(key, &shown(&value), "a loopback address with a port, such as \"127.0.0.1:1883\"")),
        }
    }

    /// Off when it is not there.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.refuse(key, &shown(&value), "true or false"))
    }

    pub(super) fn number<T>(&mut self, key: &'static str, default: T, range: RangeInclusive<T>) -> Result<T, ConfigError>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let Some(value) = self.take(key) else { return Ok(default) };
        let number = value.as_integer().and_then(|number| T::try_from(number).ok()).filter(|number| range.contains(number));
        let allowed = || format!("a whole number from {} to {}", range.start(), range.end());
        number.ok_or_else(|| self.refuse(key, &shown(&value), &allowed()))
    }

    pub(super) fn secs(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        self.number(key, default, range).map(Duration::from_secs)
    }

    pub(super) fn millis(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        self.number(key, default, range).map(Duration::from_millis)
    }

    pub(super) fn ratio(&mut self, key: &'static str, default: f64) -> Result<f64, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let ratio = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| self.refuse(key, &shown(&value), "a number from 0.0 to 1.0"))
    }

    /// One of `choices`; the first is the default.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let Some(value) = self.take(key) else { return Ok(choices[0].1) };
        let chosen = choices.iter().find(|(name, _)| value.as_str() == Some(name));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let allowed: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.refuse(key, &shown(&value), &allowed.join(" or "))
        })
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(ConfigError::Unknown { key: self.name(key), allowed: self.known.join(", ") }),
        }
    }

    pub(super) fn refuse(&self, key: &str, value: &str, allowed: &str) -> ConfigError {
        let value = value.chars().take(100).collect();
        ConfigError::Bad { key: self.name(key), value, allowed: allowed.into() }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

/// A value as it may be repeated in a message.
fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| format!("a {}", value.type_str()))
}

fn syntax(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    format!("line {line}: {}", error.message())
}
