//! `publish-pubsub-message`.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Body, Call};
use super::device::Device;
use super::flags::{Common, DeviceFlags};
use super::run::Run;
use super::token;
use super::urls::Api;

const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

pub(super) const EXAMPLES: &str = "Examples:
  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry DRAWBRIDGE_DEVICE=my-device
  export DRAWBRIDGE_PRIVATE_KEY_FILE=device.key.pem
  drawbridge publish-pubsub-message --topic_id=events
  drawbridge publish-pubsub-message --topic_id=events --message '{\"celsius\": 21.5}' --json

The device publishes by itself, beside the bridge: the message carries no attributes of the device. At Google the topic
must be there, and the device's principal needs roles/pubsub.publisher on it.";

#[derive(Debug, clap::Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    device: DeviceFlags,
    /// The topic, by its id in the device's project.
    #[arg(long, value_name = "TOPIC")]
    topic_id: String,
    /// What is published.
    #[arg(long, value_name = "TEXT", default_value = "MESSAGE_DATA", allow_hyphen_values = true)]
    message: String,
    #[command(flatten)]
    common: Common,
}

impl Publish {
    pub(crate) fn run(self) -> Result<()> {
        let (run, profile) = Run::open(self.common)?;
        let device = Device::read(self.device, &profile)?;
        let (access_token, _) = token::of_device(&run, &device, SCOPE)?;
        let verb = format!("{}:publish", self.topic_id);
        let url = run.url(Api::PubSub, &["v1", "projects", &device.project, "topics", &verb]);
        let body = json!({ "messages": [{ "data": STANDARD.encode(&self.message) }] });
        let Some(answer) = run.send(&Call::post(Api::PubSub, url, &access_token, Body::Json(body)))? else { return Ok(()) };
        let id = answer["messageIds"][0].as_str().unwrap_or_default();
        run.show(&answer, &format!("Published to projects/{}/topics/{}: message {id}.", device.project, self.topic_id))
    }
}
