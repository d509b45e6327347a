//! Who a device is, for AWS IoT: a custom authorizer. The same check as at our own bridge; a refusal goes into the device's
//! last error. AWS tells the device no more than "not authorized", and asks again each [`REFRESH_SECS`] while it is connected.
//!
//! Source: docs.aws.amazon.com/iot/latest/developerguide/custom-auth-lambda.html.

mod refusals;

use std::mem::discriminant;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::{self, Protocol, Refusal, VerifiedDevice};
use domain::ports::{Clock, Stores};
use domain::status::{ErrorStatus, StatusBook};
use domain::{DeviceKey, DomainError, PortError, Timestamp, device};
use edge::{Code, DeviceErrors};
use infra_aws::iot::check_name;
use protocol::{DeviceName, DeviceRef};
use serde::Deserialize;
use serde_json::{Value, json};

use super::policy;
use crate::connect::Ports;
use refusals::{Reason, Refusals};

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
    refusals: Refusals,
}

impl Authorizer {
    pub(super) fn new(ports: &Ports) -> Self {
        let refusals = Refusals::default();
        Self { stores: ports.stores.clone(), statuses: ports.statuses.clone(), clock: ports.clock.clone(), refusals }
    }

    /// Lets the device in, or not. An error means that it cannot be known now: the device tries again.
    pub(super) async fn answer(&self, question: Question, function: &str) -> Result<Value, DomainError> {
        let Some(mqtt) = question.protocol_data.and_then(|data| data.mqtt) else {
            let why = "only MQTT is let in: devices send events over HTTP to the function pubsub-fanout";
            return Ok(self.refused("", Reason::NotMqtt, why));
        };
        let client_id = mqtt.client_id.unwrap_or_default();
        let name: DeviceName = match client_id.parse() {
            Ok(name) => name,
            Err(e) => return Ok(self.refused(&client_id, Reason::ClientId, &format!("client id: {e}"))),
        };
        if let Err(why) = carried(&name) {
            self.note(&name, &why).await;
            return Ok(self.refused(&client_id, Reason::NotCarried, &why));
        }
        let now = self.clock.now();
        let token = STANDARD.decode(mqtt.password.unwrap_or_default()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let admitted = match token {
            Some(token) => identity::authenticate(&self.stores, &name, &token, Protocol::Mqtt, now).await,
            None => Err(Refusal::Malformed("the password is no text in base64".into()).into()),
        };
        match admitted {
            Ok((device, _)) => Ok(admission(&device, function, now)),
            Err(DomainError::Refused(why)) => {
                let (errors, reason) =
                    (DeviceErrors { stores: &self.stores, statuses: &self.statuses, now }, Reason::Refused(discriminant(&why)));
                Ok(self.refused(&client_id, reason, errors.refused(&name, why).await.message()))
            }
            Err(e) => Err(e),
        }
    }

    /// The answer to who is not let in, and now and then a line.
    fn refused(&self, client_id: &str, reason: Reason, why: &str) -> Value {
        let named: String = client_id.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        self.refusals.tell(&named, reason, why, Instant::now());
        json!({ "isAuthenticated": false })
    }

    /// Keeps why AWS IoT cannot carry a name as the last error of its device, if there is one. Nobody has proved to be it, so
    /// this is written as seldom as any refusal of a stranger.
    async fn note(&self, name: &DeviceName, why: &str) {
        let noted = async {
            let Some(found) = device::find(&self.stores, name).await? else { return Ok(()) };
            let status = ErrorStatus { code: Code::FailedPrecondition.number(), message: why.to_owned() };
            self.statuses.stranger_error(&found.value.key, status).await
        };
        let noted: Result<(), PortError> = noted.await;
        if let Err(e) = noted {
            tracing::warn!(error = %e, "The last error of a device could not be written: {e}");
        }
    }
}

/// Whether AWS IoT can carry the name. It has limits of its own, which nobody could know when the device was created.
fn carried(name: &DeviceName) -> Result<(), String> {
    match &name.device {
        DeviceRef::NumId(number) => Err(format!("client id ends with the number {number}: at AWS IoT it must end with the device id")),
        DeviceRef::Id(id) => check_name(&DeviceKey { registry: name.registry.clone(), id: id.clone() }),
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

#[cfg(test)]
mod tests;
