//! What an administrator does with an installation, wherever its functions are.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{ADMIN_TOKEN, DeviceId, Http};

pub(crate) const LOCATION: &str = "europe-west1";

/// An administrator of one project.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// The registry API.
    pub http: SocketAddr,
    /// The project.
    pub project: String,
}

impl Administrator {
    /// A client with the administrator's token.
    pub fn client(&self) -> Http {
        Http::to(self.http).with_bearer(ADMIN_TOKEN)
    }

    /// Creates a registry whose events go to `topic` and whose states go to `topic-state`.
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_registry(&self, registry: &str, topic: &str) -> Result<Value> {
        let path = format!("/v1/projects/{}/locations/{LOCATION}/registries", self.project);
        let topic = format!("projects/{}/topics/{topic}", self.project);
        let body = json!({
            "id": registry,
            "eventNotificationConfigs": [{ "pubsubTopicName": topic }],
            "stateNotificationConfig": { "pubsubTopicName": format!("{topic}-state") },
        });
        self.client().json("POST", &path, &body)?.success("creating the registry")?.json()
    }

    /// Creates a device with its ES256 public key.
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_device(&self, registry: &str, device: &str, public_key_pem: &str) -> Result<DeviceId> {
        let path = format!("/v1/projects/{}/locations/{LOCATION}/registries/{registry}/devices", self.project);
        let credential = json!({ "publicKey": { "format": "ES256_PEM", "key": public_key_pem } });
        let body = json!({ "id": device, "credentials": [credential] });
        self.client().json("POST", &path, &body)?.success("creating the device")?;
        Ok(DeviceId { project: self.project.clone(), registry: registry.into(), device: device.into() })
    }
}
