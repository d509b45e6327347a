//! A message of the queue, read: what a device sent, or that it subscribed. Written by the rules of
//! terraform/modules/aws/iot-bridge.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use protocol::{DeviceName, PublishTopic, SubscribeTopic, attribute};
use pubsub_fanout::Event;
use serde::Deserialize;

/// Characters of a wrong body that a log shows.
const SHOWN: usize = 200;

/// What the rules write. Both kinds of message have a client id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    client_id: String,
    /// The payload as base64.
    binary_data: Option<String>,
    topic: Option<String>,
    received_at_ms: Option<i64>,
    /// `subscribed`, of a lifecycle event.
    event_type: Option<String>,
    #[serde(default)]
    topics: Vec<String>,
    /// MQTT 5 user properties, each with all its values.
    #[serde(default)]
    reading_id: Vec<String>,
    #[serde(default)]
    captured_at_ms: Vec<String>,
}

/// What is left of a message that is not as the rules write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sender {
    client_id: String,
}

/// A message, and whom it is from: the client id, which the authorizer has proved.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) device: DeviceName,
    /// The device id or number in the topic.
    pub(super) named: Option<String>,
    pub(super) received_at_ms: i64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Event(Event),
    State(Bytes),
    /// The device subscribed to these.
    Subscribed {
        config: bool,
        commands: bool,
    },
    /// Nobody can mend it; the text says why.
    Unreadable(String),
}

/// Reads a message. The error, of one that names no device, is for the log.
pub(super) fn read(body: &str) -> Result<Heard, String> {
    let (sender, contents) = match serde_json::from_str::<Written>(body) {
        Ok(written) => (written.client_id.clone(), Ok(written)),
        Err(e) => {
            let why = format!("not what the rules write ({e}): `{}`", shown(body));
            match serde_json::from_str::<Sender>(body) {
                Ok(Sender { client_id }) => (client_id, Err(why)),
                Err(_) => return Err(why),
            }
        }
    };
    let device: DeviceName = sender.parse().map_err(|e| format!("client id: {e}"))?;
    let received_at_ms = contents.as_ref().ok().and_then(|written| written.received_at_ms).unwrap_or_default();
    let (named, what) =
        contents.and_then(|written| read_contents(&device, &written, body)).unwrap_or_else(|why| (None, What::Unreadable(why)));
    Ok(Heard { device, named, received_at_ms, what })
}

fn shown(body: &str) -> String {
    body.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

/// The device in the topic, and what was sent.
fn read_contents(device: &DeviceName, written: &Written, body: &str) -> Result<(Option<String>, What), String> {
    if written.event_type.as_deref() == Some("subscribed") {
        return Ok((None, subscribed(device, &written.topics)));
    }
    let (Some(topic), Some(data)) = (&written.topic, &written.binary_data) else {
        return Err(format!("it has neither `topic` and `binaryData` nor `eventType` `subscribed`: `{}`", shown(body)));
    };
    let data: Bytes = STANDARD.decode(data).map_err(|e| format!("binaryData of {} bytes: {e}", data.len()))?.into();
    let topic = PublishTopic::parse(topic).map_err(|e| e.to_string())?;
    let named = Some(topic.device().to_owned());
    let what = match topic {
        PublishTopic::Events { subfolder, .. } => {
            What::Event(Event { subfolder: subfolder.to_owned(), data, properties: properties(written) })
        }
        PublishTopic::State { .. } => What::State(data),
        PublishTopic::Attach { .. } | PublishTopic::Detach { .. } => {
            return Err(format!("topic `{topic}`: gateways are not supported over AWS IoT, use the bridge"));
        }
    };
    Ok((named, what))
}

fn properties(written: &Written) -> Vec<(Cow<'static, str>, String)> {
    let named = [(attribute::READING_ID, &written.reading_id), (attribute::CAPTURED_AT_MS, &written.captured_at_ms)];
    named.into_iter().filter_map(|(name, values)| Some((Cow::Borrowed(name), values.first()?.clone()))).collect()
}

fn subscribed(device: &DeviceName, topics: &[String]) -> What {
    let own = device.device.to_string();
    let filters: Vec<_> = topics.iter().filter_map(|t| SubscribeTopic::parse(t).ok()).filter(|f| f.device() == own).collect();
    let has = |wanted: fn(&SubscribeTopic<'_>) -> bool| filters.iter().any(wanted);
    What::Subscribed {
        config: has(|f| matches!(f, SubscribeTopic::Config { .. })),
        commands: has(|f| matches!(f, SubscribeTopic::Commands { .. })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DEVICE: &str = "projects/p/locations/l/registries/reg/devices/pi-1";

    fn heard(more: Value) -> Result<Heard, String> {
        let mut body = json!({ "clientId": DEVICE, "receivedAtMs": 7 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(&body.to_string())
    }

    #[test]
    fn an_event_keeps_its_payload_subfolder_and_reading_id() {
        let heard =
            heard(json!({ "topic": "/devices/pi-1/events/ab", "binaryData": "/wAK", "readingId": ["1-2"], "capturedAtMs": [] })).unwrap();
        assert_eq!((heard.device.to_string().as_str(), heard.named.as_deref(), heard.received_at_ms), (DEVICE, Some("pi-1"), 7));
        let What::Event(event) = heard.what else { panic!("{heard:?}") };
        assert_eq!((event.subfolder.as_str(), &event.data[..]), ("ab", &[0xFF, 0, 10][..]));
        assert_eq!(event.properties, [("readingId".into(), "1-2".to_owned())]);
    }

    #[test]
    fn a_subscription_says_what_the_device_waits_for() {
        let topics = |topics: &[&str]| heard(json!({ "eventType": "subscribed", "topics": topics })).unwrap().what;
        assert!(matches!(topics(&["/devices/pi-1/config"]), What::Subscribed { config: true, commands: false }));
        assert!(matches!(topics(&["/devices/pi-1/commands/#", "x"]), What::Subscribed { config: false, commands: true }));
        assert!(matches!(topics(&["/devices/pi-2/config"]), What::Subscribed { config: false, commands: false }));
    }

    #[test]
    fn what_can_never_be_read_says_why_and_of_whom_it_is() {
        for (more, why) in [
            (json!({ "topic": "/devices/pi-1/x", "binaryData": "" }), "cannot be published to"),
            (json!({ "topic": "/devices/pi-1/attach", "binaryData": "" }), "gateways are not supported over AWS IoT"),
            (json!({ "topic": "/devices/pi-1/events", "binaryData": "?" }), "binaryData of 1 bytes"),
            (json!({ "topic": "/devices/pi-1/events" }), "neither `topic` and `binaryData`"),
            (json!({ "topic": "/devices/pi-1/events", "binaryData": 1 }), "not what the rules write"),
        ] {
            let heard = heard(more).unwrap();
            assert_eq!(heard.device.to_string(), DEVICE);
            assert!(matches!(&heard.what, What::Unreadable(said) if said.contains(why)), "{heard:?}");
        }
    }

    #[test]
    fn what_names_no_device_is_of_nobody() {
        for (more, why) in
            [(json!({ "clientId": "me" }), "client id: `me` is not a device name"), (json!({ "clientId": 1 }), "not what the rules write")]
        {
            let said = heard(more).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
