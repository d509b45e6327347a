//! A file: its head, its exchanges.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::values::Declared;

/// What stands before the name of an exchange.
const EXCHANGE: &str = "### ";
/// How a reply begins.
pub(crate) const REPLY: &str = "HTTP/1.1 ";

/// A file.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// Where it is.
    pub path: PathBuf,
    /// As it is there.
    pub text: String,
    /// What stands before the first exchange.
    pub head: String,
    /// What the head says.
    pub says: Says,
    /// In order.
    pub exchanges: Vec<Exchange>,
}

/// A request of a file, as written there.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What it shows.
    pub title: String,
    /// Request line, headers, an empty line and the body.
    pub request: String,
}

/// The lines of the head that begin with `@`.
#[derive(Debug, Clone, Default)]
pub struct Says {
    /// Homes in which it is played; all of them where none is named.
    pub homes: Vec<String>,
    /// Topics that have to be there.
    pub topics: Vec<String>,
    /// Devices that are connected, and what they do with a command.
    pub sessions: Vec<(String, String)>,
    /// What differs from run to run, and the tokens of devices.
    pub values: Vec<Declared>,
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(path, text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(path: &Path, text: String) -> Result<Self> {
        let begins = text.find(EXCHANGE).context("no exchange: a line that begins with `### ` opens one")?;
        let (head, rest) = text.split_at(begins);
        let says = Says::read(head)?;
        let exchanges = format!("\n{rest}");
        let exchanges = exchanges.split(&format!("\n{EXCHANGE}")).skip(1).map(Exchange::parse).collect::<Result<_>>()?;
        Ok(Self { path: path.into(), head: head.into(), says, exchanges, text })
    }

    /// The file's name without its ending: the project that its registries are in.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether it is played in the home of this name.
    pub fn plays_in(&self, home: &str) -> bool {
        self.says.homes.is_empty() || self.says.homes.iter().any(|name| name == home)
    }
}

impl Exchange {
    fn parse(text: &str) -> Result<Self> {
        let (title, rest) = text.split_once('\n').context("an exchange without a request")?;
        let request = rest.split(&format!("\n{REPLY}")).next().unwrap_or_default().trim_end_matches('\n');
        ensure!(!request.is_empty(), "`{title}` has no request");
        Ok(Self { title: title.into(), request: request.into() })
    }
}

impl Says {
    fn read(head: &str) -> Result<Self> {
        let mut says = Self::default();
        for line in head.lines() {
            match line.strip_prefix('@') {
                Some(line) => says.take(line)?,
                None => ensure!(line.is_empty() || line.starts_with('#'), "`{line}` is neither `# …` nor `@name = …`"),
            }
        }
        Ok(says)
    }

    fn take(&mut self, line: &str) -> Result<()> {
        let (name, value) = line.split_once(" = ").with_context(|| format!("`@{line}` has no ` = `"))?;
        match name {
            "homes" => {
                let (homes, reason) = value.split_once(": ").unwrap_or((value, ""));
                ensure!(!reason.is_empty(), "`@{line}` does not say why: `@homes = oneshot, server: the reason`");
                self.homes = homes.split(", ").map(Into::into).collect();
            }
            "topic" => self.topics.push(value.into()),
            "session" => match value.split_once(' ') {
                Some((device, does)) => self.sessions.push((device.into(), does.into())),
                None => bail!("`@{line}` does not say what the device does"),
            },
            _ => self.values.push(Declared::parse(name, value)?),
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_head_and_its_exchanges() {
        let text = "# What.\n@id = number after \"id\":\"\n\n### one\nGET / HTTP/1.1\na: b\n\nx\n\ny\n\nHTTP/1.1 200\n\nok\n\n### two\nGET /2 HTTP/1.1\n";
        let read = Transcript::parse(Path::new("dir/name.http"), text.into()).unwrap();
        let requests: Vec<_> = read.exchanges.iter().map(|e| (e.title.as_str(), e.request.as_str())).collect();
        assert_eq!(requests, [("one", "GET / HTTP/1.1\na: b\n\nx\n\ny"), ("two", "GET /2 HTTP/1.1")]);
        assert_eq!((read.name().as_str(), read.says.values.len(), read.plays_in("lambda")), ("name", 1, true));
    }

    #[test]
    fn a_home_is_left_out_for_a_reason() {
        let refused = Says::read("@homes = oneshot").unwrap_err().to_string();
        assert!(refused.contains("does not say why"), "{refused}");
        assert_eq!(Says::read("@homes = oneshot, server: it is so").unwrap().homes, ["oneshot", "server"]);
    }
}
