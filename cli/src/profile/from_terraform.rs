//! `drawbridge profile from-terraform`: what Terraform rented, as the profile of whoever administers it.
//!
//! Promise: the profile is whole or as it was; what it said before is kept beside it; a second run changes nothing. The admin token
//! is written to a file of its own that its owner alone may read, and to nothing else.

use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::Profile;
use crate::error::usage;
use crate::secret::Secret;
use crate::table;

/// Beside the profile.
const TOKEN_FILE: &str = "admin-token";
/// What was there before, beside it too.
const BEFORE: &str = "toml.before";

/// Google's own services, for the subcommands of `accesstoken.py`.
const GOOGLE: [(&str, &str); 3] = [
    ("iamcredentials", "https://iamcredentials.googleapis.com"),
    ("pubsub", "https://pubsub.googleapis.com"),
    ("storage", "https://storage.googleapis.com"),
];

const RUN_IT: &str = "`terraform output -json profile` prints what is wanted, in the folder where `terraform apply` was done";

/// Write the profile for what Terraform rented: where each function answers, the project, the region.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  terraform output -json profile | drawbridge profile from-terraform
  terraform output -json profile | drawbridge profile from-terraform --region us-central1   # of devices that come from there")]
pub(crate) struct Args {
    /// The output `profile` as JSON; `-` is the standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The profile file [default: ~/.config/drawbridge/profile.toml]
    #[arg(long, env = "DRAWBRIDGE_PROFILE", value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The admin token, kept in the file admin-token beside the profile. By its variable it stands on no command line
    #[arg(long, env = "DRAWBRIDGE_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<Secret>,
    /// The region in the names of registries, where it is not that of the functions
    #[arg(long, env = "DRAWBRIDGE_REGION", value_name = "REGION")]
    region: Option<String>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let path = args.profile.or_else(super::own).ok_or_else(|| usage("neither HOME nor --profile says where the profile is to be"))?;
    let rented = read(&args.file)?;
    let before = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(usage(format!("profile {}: {e}", path.display()))),
    };
    let old = Profile::parse(before.as_deref().unwrap_or_default());
    old.map_err(|e| usage(format!("profile {}{e}; mend it, or move it away", path.display())))?;
    let old: Table = before.as_deref().unwrap_or_default().parse()?;
    let text = toml::to_string(&merged(old, &rented, args.region)?)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    if let Some(before) = before.filter(|before| *before != text) {
        write(&path.with_extension(BEFORE), &before)?;
    }
    write(&path, &text)?;
    let token = folder.join(TOKEN_FILE);
    if let Some(secret) = &args.admin_token {
        secret.keep(&token).with_context(|| format!("writing {}", token.display()))?;
    }
    let next = match (token.is_file(), rented["admin_token_command"].as_str()) {
        (true, _) => "Try it: drawbridge registries list".to_owned(),
        (false, Some(command)) => format!("It lacks the admin token: (umask 077; {command} > {})", token.display()),
        (false, None) => format!("It lacks the admin token: put it into {}", token.display()),
    };
    table::print(&format!("Wrote {}.\n{next}\n", path.display()))
}

/// The output, by itself or among the others.
fn read(file: &Path) -> Result<Value> {
    let (name, text) = if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("reading the standard input")?;
        ("the standard input".to_owned(), text)
    } else {
        (file.display().to_string(), fs::read_to_string(file).map_err(|e| usage(format!("{}: {e}", file.display())))?)
    };
    if text.trim().is_empty() {
        return Err(usage(format!("{name} is empty: {RUN_IT}")));
    }
    let found: Value = serde_json::from_str(&text).map_err(|e| usage(format!("{name} is not JSON ({e}): {RUN_IT}")))?;
    let found = found["profile"].get("value").cloned().unwrap_or(found);
    let is_whole = found["endpoints"].is_object() && found["project"].is_string() && found["region"].is_string();
    if is_whole { Ok(found) } else { Err(usage(format!("{name} does not say `endpoints`, `project` and `region`: {RUN_IT}"))) }
}

/// What the profile said, with what was rented in place of where it led before.
fn merged(mut old: Table, rented: &Value, region: Option<String>) -> Result<Table> {
    let text = |name: &str| rented[name].as_str().unwrap_or_default().to_owned();
    old.remove("endpoint");
    old.remove("admin_token");
    old.insert("project".into(), Toml::String(text("project")));
    old.insert("region".into(), Toml::String(region.unwrap_or_else(|| text("region"))));
    old.insert("admin_token_file".into(), Toml::String(TOKEN_FILE.into()));
    let endpoints = rented["endpoints"].as_object().into_iter().flatten();
    let endpoints: Table = endpoints.filter_map(|(name, url)| Some((name.clone(), Toml::String(url.as_str()?.to_owned())))).collect();
    old.insert("endpoints".into(), Toml::Table(endpoints));
    let urls = GOOGLE.map(|(name, url)| (name.to_owned(), Toml::String(url.to_owned())));
    old.insert("urls".into(), Toml::Table(urls.into_iter().collect()));
    // What was put in must be what will be read.
    let shown = toml::to_string(&old)?;
    Profile::parse(&shown).map_err(|e| usage(format!("what Terraform put out makes no profile{e}")))?;
    Ok(old)
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension("toml.new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).with_context(|| format!("writing {}", path.display()))
}
