//! `drawbridge commands`: a message to a device that is connected now.

use std::path::PathBuf;

use anyhow::Result;
use clap::{ArgGroup, Subcommand};
use reqwest::Method;
use serde_json::json;

use crate::client::Request;
use crate::flags::OnDevice;
use crate::payload;
use crate::session::{Session, Verb};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge commands send my-device --command-data reboot
  drawbridge commands send --device my-device --command-file firmware.json --subfolder update

The command is done when the device has acknowledged it. A device that is not connected, or not subscribed to /devices/DEVICE/commands/#, gets none: use a configuration for what has to wait.";

#[derive(Debug, Subcommand)]
pub(crate) enum Commands {
    /// Send a command.
    #[command(group(ArgGroup::new("payload").required(true).args(["command_data", "command_file"])))]
    Send {
        #[command(flatten)]
        device: OnDevice,
        /// The command itself, at most 64 KiB.
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        command_data: Option<String>,
        /// The file that is the command; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        command_file: Option<PathBuf>,
        /// The device sees it as the end of the topic.
        #[arg(long, value_name = "SUBFOLDER")]
        subfolder: Option<String>,
    },
}

impl Verb for Commands {
    fn run(self, session: &Session) -> Result<()> {
        let Self::Send { device, command_data, command_file, subfolder } = self;
        let about = session.on(&device)?;
        let mut body = json!({ "binaryData": payload::encoded(command_data.as_deref(), command_file.as_deref())? });
        if let Some(subfolder) = subfolder {
            body["subfolder"] = subfolder.into();
        }
        let request = Request::new(Method::POST, &about).verb("sendCommandToDevice").body(body);
        session.change(&request, |_| format!("The {about} acknowledged the command."))
    }
}
