//! The profile file: what a person does not want to type each time; `drawbridge profile` writes it.

mod endpoints;
mod from_terraform;

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;

use crate::access_tokens::Urls;
use crate::error::usage;
use crate::secret::Secret;

pub(crate) use endpoints::{Administered, Endpoints};

/// `profile.toml`. A flag or a variable goes before each key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) endpoint: Option<String>,
    /// Where functions are that are elsewhere.
    #[serde(default)]
    pub(crate) endpoints: Endpoints,
    pub(crate) project: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) registry: Option<String>,
    pub(crate) admin_token: Option<Secret>,
    /// Relative to the folder of the profile.
    pub(crate) admin_token_file: Option<PathBuf>,
    /// Where Google's services are, for the subcommands of `accesstoken.py`.
    #[serde(default)]
    pub(crate) urls: Urls,
}

/// What can be done with it.
#[derive(Debug, Subcommand)]
pub(crate) enum Verbs {
    /// Write it for what Terraform rented.
    FromTerraform(from_terraform::Args),
}

impl Verbs {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::FromTerraform(args) => from_terraform::run(args),
        }
    }
}

impl Profile {
    /// Reads the file that was named, which must be there, or the person's own, which may be.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self> {
        let Some(path) = named.map(Path::to_owned).or_else(own) else { return Ok(Self::default()) };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound && named.is_none() => return Ok(Self::default()),
            Err(e) => return Err(usage(format!("profile {}: {e}", path.display()))),
        };
        let mut profile = Self::parse(&text).map_err(|e| usage(format!("profile {}{e}", path.display())))?;
        if let (Some(file), Some(folder)) = (&mut profile.admin_token_file, path.parent()) {
            *file = folder.join(&file);
        }
        Ok(profile)
    }

    /// The error names the line and does not quote it: a token may stand there.
    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            let line = e.span().map(|at| text[..at.start].matches('\n').count() + 1);
            format!("{}: {}", line.map(|n| format!(", line {n}")).unwrap_or_default(), e.message())
        })
    }
}

/// `profile.toml` in the configuration folder of this person.
fn own() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("drawbridge/profile.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_line_and_quotes_no_secret() {
        let read = |text: &str| Profile::parse(text).unwrap_err();
        assert!(read("region = \"r\"\nendpont = \"x\"").starts_with(", line 2: unknown field `endpont`"));
        for text in ["admin_tokn = \"s3cret\"", "admin_token = [\"s3cret\"]", "admin_token = \"s3cret"] {
            assert!(!read(text).contains("s3cret"), "{}", read(text));
        }
        let profile = Profile::parse("admin_token = \"s3cret\"").unwrap();
        assert!(!format!("{profile:?}").contains("s3cret"));
    }
}
