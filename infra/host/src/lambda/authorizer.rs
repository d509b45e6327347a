//! Who a device is, for AWS IoT: a custom authorizer. The same check as at our own bridge; a refusal goes into the device's
//! last error. AWS tells the device no more than "not authorized", and asks again each [`REFRESH_SECS`] while it is connected.
//!
//! Source: docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::{self, Protocol, Refusal, VerifiedDevice};
use domain::ports::{Clock, Stores};
use domain::status::StatusBook;
use domain::{DomainError, Timestamp};
use edge::DeviceErrors;
use infra_aws::iot::MAX_CLIENT_ID_BYTES;
use protocol::{DeviceName, DeviceRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy;
use crate::connect::Ports;

/// The least that AWS takes for either time.
const LEAST_SECS: u64 = 300;
/// The most: a day.
const MOST_SECS: u64 = 86_400;
/// How often AWS asks again about a device that is connected: so long may one that was blocked stay, if it cannot be ended.
pub(super) const REFRESH_SECS: u64 = 900;
/// Characters of a client id that a log shows.
const SHOWN: usize = 300;

/// What AWS IoT asks, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question {
    protocol_data: Option<ProtocolData>,
}

#[derive(Debug, Deserialize)]
struct ProtocolData {
    mqtt: Option<Mqtt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mqtt {
    client_id: Option<String>,
    /// Base64 of the password, the device's token.
    password: Option<String>,
}

/// The token is a secret.
impl std::fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mqtt").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

pub(super) struct Authorizer {
    stores: Stores,
    statuses: Arc<StatusBook>,
    clock: Arc<dyn Clock>,
}

impl Authorizer {
    pub(super) fn new(ports: &Ports) -> Self {
        Self { stores: ports.stores.clone(), statuses: ports.statuses.clone(), clock: ports.clock.clone() }
    }

    /// Lets the device in, or not. An error means that it cannot be known now: the device tries again.
    pub(super) async fn answer(&self, question: Question, function: &str) -> Result<Value, DomainError> {
        let Some(mqtt) = question.protocol_data.and_then(|data| data.mqtt) else {
            return Ok(refused("", "only MQTT is let in: devices send events over HTTP to the function pubsub-fanout"));
        };
        let client_id = mqtt.client_id.unwrap_or_default();
        let name = match device_name(&client_id) {
            Ok(name) => name,
            Err(why) => return Ok(refused(&client_id, &why)),
        };
        let now = self.clock.now();
        let token = STANDARD.decode(mqtt.password.unwrap_or_default()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let admitted = match token {
            Some(token) => identity::authenticate(&self.stores, &name, &token, Protocol::Mqtt, now).await,
            None => Err(Refusal::Malformed("the password is no text in base64".into()).into()),
        };
        match admitted {
            Ok((device, _)) => Ok(admission(&device, function, now)),
            Err(DomainError::Refused(why)) => {
                let errors = DeviceErrors { stores: &self.stores, statuses: &self.statuses, now };
                Ok(refused(&client_id, errors.refused(&name, why).await.message()))
            }
            Err(e) => Err(e),
        }
    }
}

/// The device that a client id names. AWS has limits of its own, which nobody could know when the device was created.
fn device_name(client_id: &str) -> Result<DeviceName, String> {
    if client_id.len() > MAX_CLIENT_ID_BYTES {
        let has = client_id.len();
        return Err(format!(
            "client id of {has} bytes exceeds the limit of AWS IoT, {MAX_CLIENT_ID_BYTES} bytes: use shorter ids, or the bridge"
        ));
    }
    let name: DeviceName = client_id.parse().map_err(|e| format!("client id: {e}"))?;
    match &name.device {
        DeviceRef::NumId(number) => Err(format!("client id ends with the number {number}: at AWS IoT it must end with the device id")),
        DeviceRef::Id(id) if id.as_str().contains('+') => {
            Err(format!("device id `{id}` has a `+`, which AWS IoT takes for a wildcard in topics: use another id, or the bridge"))
        }
        DeviceRef::Id(_) => Ok(name),
    }
}

/// Until the token expires, and for nothing but the device's own topics.
fn admission(device: &VerifiedDevice, function: &str, now: Timestamp) -> Value {
    let left = device.expires_at().since(now).as_secs();
    json!({
        "isAuthenticated": true,
        "principalId": device.device().num_id.to_string(),
        "disconnectAfterInSeconds": left.clamp(LEAST_SECS, MOST_SECS),
        "refreshAfterInSeconds": REFRESH_SECS,
        "policyDocuments": policy::documents(&policy::arns(function), device.key()),
    })
}

fn refused(client_id: &str, why: &str) -> Value {
    let named: String = client_id.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    tracing::info!(device = %named, "Refused `{named}`: {why}");
    json!({ "isAuthenticated": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_iot_cannot_carry_is_refused_with_its_limit() {
        let name = |device: &str| format!("projects/p/locations/l/registries/reg/devices/{device}");
        assert!(device_name(&name("pi-1")).is_ok());
        for (client_id, why) in [
            (name(&"d".repeat(100)), "client id of 146 bytes exceeds the limit of AWS IoT, 128 bytes"),
            (name("1234"), "ends with the number 1234"),
            (name("a+b"), "has a `+`"),
            ("sensor".into(), "`sensor` is not a device name"),
        ] {
            let said = device_name(&client_id).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_question_never_shows_the_token() {
        let asked =
            json!({ "protocolData": { "mqtt": { "clientId": "c", "password": "aHVzaA==", "username": "u" } }, "protocols": ["mqtt"] });
        let question: Question = serde_json::from_value(asked).unwrap();
        assert!(!format!("{question:?}").contains("aHVzaA"), "{question:?}");
    }
}
