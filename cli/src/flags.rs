//! The flags that several verbs share, under gcloud's names.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::secret::Secret;

/// Where `drawbridge up` serves the registry API.
pub(crate) const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:8080";
/// Its project.
pub(crate) const DEFAULT_PROJECT: &str = "local";
/// Its data folder.
pub(crate) const DEFAULT_DATA: &str = "drawbridge-data";

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// Of every noun. Each goes before its variable, its variable before the profile.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shared by all verbs")]
pub(crate) struct Common {
    /// The registry API [profile: endpoint] [default: http://127.0.0.1:8080]
    #[arg(long, env = "DRAWBRIDGE_ENDPOINT", value_name = "URL", global = true)]
    pub(crate) endpoint: Option<String>,
    /// The admin token [profile: admin_token, admin_token_file] [default, on this machine: the file admin-token in --data]
    #[arg(long, env = "DRAWBRIDGE_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    pub(crate) admin_token: Option<Secret>,
    /// The data folder of `drawbridge up`, for its admin token.
    #[arg(long, env = "DRAWBRIDGE_DATA", value_name = "DIR", default_value = DEFAULT_DATA, global = true)]
    pub(crate) data: PathBuf,
    /// The project [profile: project] [default: local]
    #[arg(long, env = "DRAWBRIDGE_PROJECT", value_name = "ID", global = true)]
    pub(crate) project: Option<String>,
    /// The region, as in europe-west1 [profile: region]
    #[arg(long, env = "DRAWBRIDGE_REGION", value_name = "REGION", global = true)]
    pub(crate) region: Option<String>,
    /// The profile file [default: ~/.config/drawbridge/profile.toml]
    #[arg(long, env = "DRAWBRIDGE_PROFILE", value_name = "FILE", global = true)]
    pub(crate) profile: Option<PathBuf>,
    /// How the answer is printed: a table for people, JSON (the resources as the API has them) for programs.
    #[arg(long, value_enum, default_value = "table", global = true)]
    pub(crate) format: Format,
    /// The same as --format json.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print the equivalent request instead of sending it; the token appears by the name of its variable.
    #[arg(long, global = true)]
    pub(crate) curl: bool,
    /// Delete without asking. Nobody is asked when the input is no terminal.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// The registry that a verb works in.
#[derive(Debug, Args)]
pub(crate) struct InRegistry {
    /// The registry, by id or full name [profile: registry]
    #[arg(long, env = "DRAWBRIDGE_REGISTRY", value_name = "REGISTRY")]
    pub(crate) registry: Option<String>,
}

/// The device that a verb is about; with or without `--device` before it.
#[derive(Debug, Args)]
#[group(id = "the_device", required = true, multiple = false, args = ["device_id", "device"])]
pub(crate) struct OnDevice {
    /// The device, by id, number or full name.
    #[arg(value_name = "DEVICE")]
    device_id: Option<String>,
    /// The same, by flag.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    #[command(flatten)]
    pub(crate) within: InRegistry,
}

impl OnDevice {
    /// What was given.
    pub(crate) fn id(&self) -> &str {
        self.device_id.as_deref().or(self.device.as_deref()).unwrap_or_default()
    }
}

/// How much of a list.
#[derive(Debug, Default, Args)]
pub(crate) struct Paging {
    /// Rows at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Rows per request.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) page_size: Option<u32>,
}

/// gcloud's tools were written with dashes, its samples with underscores: `--command_data` is `--command-data`.
pub(crate) fn dashed(args: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut ended = false;
    args.map(move |arg| {
        ended |= arg == "--";
        match arg.to_str() {
            Some(text) if !ended && text.starts_with("--") => {
                let (name, value) = text.split_at(text.find('=').unwrap_or(text.len()));
                format!("{}{value}", name.replace('_', "-")).into()
            }
            _ => arg,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_in_names_only() {
        let read = |args: &[&str]| dashed(args.iter().map(Into::into)).map(|a| a.into_string().unwrap()).collect::<Vec<_>>();
        assert_eq!(read(&["--command_data=a_b", "my_id", "--", "--x_y"]), ["--command-data=a_b", "my_id", "--", "--x_y"]);
    }
}
