//! `send-command-to-iot-device`.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;

use super::call::{Body, Call};
use super::device::Device;
use super::flags::{Account, Common, DeviceFlags};
use super::run::Run;
use super::token::{self, CLOUD_PLATFORM};
use super::urls::Api;

pub(super) const EXAMPLES: &str = "Examples:
  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry DRAWBRIDGE_DEVICE=my-device
  export DRAWBRIDGE_PRIVATE_KEY_FILE=device.key.pem ACCOUNT=operator@local.iam.gserviceaccount.com
  drawbridge send-command-to-iot-device --service_account_email=$ACCOUNT \\
    --command_to_be_sent_to_device=reboot

The command goes to the device that asks: it must be connected over MQTT and subscribed to /devices/DEVICE/commands/#.
An administrator sends commands to any device by `drawbridge commands send`.";

#[derive(Debug, clap::Args)]
pub(crate) struct SendCommand {
    #[command(flatten)]
    device: DeviceFlags,
    #[command(flatten)]
    account: Account,
    /// The command, at most 64 KiB.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    command_to_be_sent_to_device: String,
    #[command(flatten)]
    common: Common,
}

impl SendCommand {
    pub(crate) fn run(self) -> Result<()> {
        let (run, profile) = Run::open(self.common)?;
        let device = Device::read(self.device, &profile)?;
        let (access_token, _) = token::of_device(&run, &device, CLOUD_PLATFORM)?;
        let (account_token, _) = token::of_account(&run, &access_token, &self.account)?;
        let verb = format!("{}:sendCommandToDevice", device.name.id());
        let mut path: Vec<&str> = std::iter::once("v1").chain(device.name.segments().iter().map(String::as_str)).collect();
        path.pop();
        path.push(&verb);
        let body = json!({ "binaryData": URL_SAFE.encode(&self.command_to_be_sent_to_device) });
        let call = Call::post(Api::CloudIot, run.url(Api::CloudIot, &path), &account_token, Body::Json(body));
        let Some(answer) = run.send(&call)? else { return Ok(()) };
        run.show(&answer, &format!("The {} acknowledged the command.", device.name))
    }
}
