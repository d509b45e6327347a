//! `drawbridge configs`: what the cloud tells a device to be.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Request;
use crate::error::usage;
use crate::flags::OnDevice;
use crate::payload;
use crate::resource::Resource;
use crate::session::{Session, Verb};
use crate::table::{self, Column, cell, time};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge configs update my-device --config-data '{\"interval\":60}'
  drawbridge configs list my-device
  drawbridge configs describe my-device --version 1
  drawbridge configs get-value my-device
  drawbridge configs update --device my-device --config-file config.json --version-to-update 2";

#[derive(Debug, Subcommand)]
pub(crate) enum Configs {
    /// List the versions that are kept, newest first.
    List {
        #[command(flatten)]
        device: OnDevice,
        /// Versions at most; ten are kept.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Give the device a new configuration, at once if it is connected.
    #[command(group(ArgGroup::new("payload").required(true).args(["config_data", "config_file"])))]
    Update {
        #[command(flatten)]
        device: OnDevice,
        /// The configuration itself, at most 64 KiB.
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        config_data: Option<String>,
        /// The file that is the configuration; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        config_file: Option<PathBuf>,
        /// Refuse unless this is the newest version; 0 is any.
        #[arg(long, value_name = "VERSION", default_value_t = 0)]
        version_to_update: u64,
    },
    /// Show a version.
    Describe {
        #[command(flatten)]
        device: OnDevice,
        /// Which; the newest when not given.
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
    /// Write the bytes of a version to the standard output, nothing else.
    GetValue {
        #[command(flatten)]
        device: OnDevice,
        /// Which; the newest when not given.
        #[arg(long, value_name = "VERSION")]
        version: Option<u64>,
    },
}

const COLUMNS: [Column; 4] = [
    ("VERSION", |c| cell(&c["version"])),
    ("CLOUD_UPDATE_TIME", |c| time(&c["cloudUpdateTime"])),
    ("DEVICE_ACK_TIME", |c| time(&c["deviceAckTime"])),
    ("DATA", |c| table::payload(&c["binaryData"])),
];

/// All that are kept, or the newest `limit`.
fn versions(about: &Resource, limit: Option<u32>) -> Request {
    Request::get(about).below("configVersions").query("numVersions", limit.unwrap_or(0).to_string())
}

/// One version; `None` when the request was printed instead.
fn version(session: &Session, about: &Resource, wanted: Option<u64>) -> Result<Option<Value>> {
    let Some(answer) = session.send(&versions(about, wanted.map_or(Some(1), |_| None)))? else { return Ok(None) };
    let kept = answer["deviceConfigs"].as_array().map_or(&[][..], Vec::as_slice);
    let number = |c: &Value| c["version"].as_str().unwrap_or_default().to_owned();
    let found = kept.iter().find(|c| wanted.is_none_or(|wanted| number(c) == wanted.to_string()));
    let missing = || {
        let numbers: Vec<_> = kept.iter().map(number).collect();
        usage(format!("{about} has no such configuration: kept are the versions {}", numbers.join(", ")))
    };
    found.cloned().map(Some).ok_or_else(missing)
}

impl Verb for Configs {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::List { device, limit } => {
                let Some(mut answer) = session.send(&versions(&session.on(&device)?, limit))? else { return Ok(()) };
                let Value::Array(rows) = answer["deviceConfigs"].take() else { return session.rows(Vec::new(), &COLUMNS, "No versions.") };
                session.rows(rows, &COLUMNS, "No versions.")
            }
            Self::Update { device, config_data, config_file, version_to_update } => {
                let about = session.on(&device)?;
                let data = payload::encoded(config_data.as_deref(), config_file.as_deref())?;
                let body = json!({ "versionToUpdate": version_to_update.to_string(), "binaryData": data });
                let request = Request::new(Method::POST, &about).verb("modifyCloudToDeviceConfig").body(body);
                session.change(&request, |made| format!("Updated the configuration of {about} to version {}.", cell(&made["version"])))
            }
            Self::Describe { device, version: wanted } => {
                version(session, &session.on(&device)?, wanted)?.map_or(Ok(()), |config| session.show(&config))
            }
            Self::GetValue { device, version: wanted } => {
                let Some(config) = version(session, &session.on(&device)?, wanted)? else { return Ok(()) };
                let bytes = STANDARD.decode(config["binaryData"].as_str().unwrap_or_default());
                table::print_bytes(&bytes.context("the configuration in the answer is not base64")?)
            }
        }
    }
}
