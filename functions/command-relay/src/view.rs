//! Records as they are answered, in proto3 JSON: what is empty is left out.

use domain::Timestamp;
use domain::broadcast::Broadcast;
use domain::command::{CommandRecord, Recipient};
use domain::config::DeviceConfig;
use protocol::RegistryName;
use serde_json::{Map, Value, json};

fn time(t: Timestamp) -> Option<Value> {
    edge::rfc3339(t.secs(), t.subsec_nanos()).map(Value::from)
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| text.into())
}

fn bytes(bytes: &[u8]) -> Option<Value> {
    (!bytes.is_empty()).then(|| edge::encode_base64(bytes).into())
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// A version of a configuration: the API's `DeviceConfig`.
pub(crate) fn config(config: &DeviceConfig) -> Value {
    object([
        ("version", Some(config.version.to_string().into())),
        ("cloudUpdateTime", time(config.cloud_update_time)),
        ("deviceAckTime", config.device_ack_time.and_then(time)),
        ("binaryData", bytes(&config.data)),
    ])
}

/// A command that may wait, as it is now.
pub(crate) fn command(to: &Recipient, command: &CommandRecord) -> Value {
    object([
        ("name", Some(to.name(&command.id).into())),
        ("deviceId", Some(to.key.id.as_str().into())),
        ("state", Some(command.state.name().into())),
        ("subfolder", text(&command.subfolder)),
        ("binaryData", bytes(&command.data)),
        ("sizeBytes", Some(command.size.into())),
        ("createTime", time(command.create_time)),
        ("expireTime", time(command.expire_time)),
        ("attempts", (command.attempts > 0).then(|| command.attempts.into())),
        ("sendTime", command.send_time.and_then(time)),
        ("finishTime", command.finish_time.and_then(time)),
    ])
}

/// A broadcast as it is now.
pub(crate) fn broadcast(registry: &RegistryName, b: &Broadcast, now: Timestamp) -> Value {
    let c = b.counts;
    let is_over = b.finish_time.is_some();
    let next = b.lease.filter(|(_, until)| now < *until).map_or(b.next_step_time, |(_, until)| until);
    object([
        ("name", Some(Broadcast::name(registry, &b.id).into())),
        ("state", Some(b.state.name().into())),
        ("done", Some(is_over.into())),
        ("subfolder", text(&b.subfolder)),
        ("binaryData", bytes(&b.data)),
        ("ttl", b.ttl.map(|ttl| format!("{}s", ttl.as_secs_f64()).into())),
        ("labels", (!b.labels.is_empty()).then(|| json!(b.labels))),
        ("perSecond", Some(b.per_second.into())),
        ("matched", Some(c.matched.into())),
        ("acknowledged", Some(c.acknowledged.into())),
        ("delivered", Some(c.delivered.into())),
        ("queued", Some(c.queued.into())),
        ("notConnected", Some(c.not_connected.into())),
        ("failed", Some(c.failed.into())),
        ("lastError", b.last_error.as_deref().and_then(text)),
        ("cursor", b.cursor.as_deref().and_then(text)),
        ("createTime", time(b.create_time)),
        ("stepUnderWay", b.lease.is_some_and(|(_, until)| now < until).then(|| true.into())),
        ("nextStepTime", if is_over { None } else { time(next) }),
        ("finishTime", b.finish_time.and_then(time)),
    ])
}
