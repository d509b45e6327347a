//! Fields that a file may name, and when two values of one are the same: the API leaves defaults out and adds what it read out of a
//! certificate.

use serde_json::{Map, Value, json};

/// Fields of a registry, as the API names them.
pub(super) const REGISTRY: [&str; 8] = [
    "eventNotificationConfigs",
    "stateNotificationConfig",
    "mqttConfig",
    "httpConfig",
    "logLevel",
    "credentials",
    "objectRules",
    "serviceAccounts",
];

/// Fields of a device.
pub(super) const DEVICE: [&str; 6] = ["credentials", "blocked", "logLevel", "metadata", "gatewayConfig", "serviceAccounts"];

/// Values that say no more than that nothing was said.
const DEFAULTS: [(&str, &str); 9] = [
    ("logLevel", "LOG_LEVEL_UNSPECIFIED"),
    ("mqttEnabledState", "MQTT_ENABLED"),
    ("mqttEnabledState", "MQTT_STATE_UNSPECIFIED"),
    ("httpEnabledState", "HTTP_ENABLED"),
    ("httpEnabledState", "HTTP_STATE_UNSPECIFIED"),
    ("gatewayType", "NON_GATEWAY"),
    ("gatewayType", "GATEWAY_TYPE_UNSPECIFIED"),
    ("gatewayAuthMethod", "GATEWAY_AUTH_METHOD_UNSPECIFIED"),
    ("format", "X509_CERTIFICATE_PEM"),
];

/// As an expiration time: never.
const EPOCH: &str = "1970-01-01T00:00:00";

/// What only the API sets.
const ANSWERED: [&str; 3] = ["x509Details", "lastAccessedGatewayId", "lastAccessedGatewayTime"];

/// Whether two values of the field `name` mean the same.
pub(super) fn same(name: &str, one: &Value, other: &Value) -> bool {
    normal(name, one) == normal(name, other)
}

/// The value without defaults, without what only the API sets, and without spaces around texts.
fn normal(name: &str, value: &Value) -> Value {
    match value {
        // The values of metadata are its owner's, empty ones too.
        Value::Object(pairs) if name == "metadata" => {
            if pairs.is_empty() {
                Value::Null
            } else {
                value.clone()
            }
        }
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !ANSWERED.contains(&name.as_str()));
            let kept: Map<_, _> = kept.map(|(name, v)| (name.clone(), normal(name, v))).filter(|(_, v)| !v.is_null()).collect();
            if kept.is_empty() { Value::Null } else { kept.into() }
        }
        // A place in a list counts, so nothing is left out.
        Value::Array(items) if !items.is_empty() => items.iter().map(|item| normal("", item)).collect(),
        Value::String(text) => {
            let text = if name == "expirationTime" { whole_seconds(text) } else { text.trim() };
            if text.is_empty() || DEFAULTS.contains(&(name, text)) { Value::Null } else { json!(text) }
        }
        Value::Array(_) | Value::Bool(false) => Value::Null,
        other => other.clone(),
    }
}

/// `…:00.000Z` is `…:00Z`, and the epoch stands for never: neither is a change.
fn whole_seconds(time: &str) -> &str {
    let without_zone = time.trim_end_matches('Z');
    let whole = without_zone.split_once('.').map_or(without_zone, |(whole, _)| whole);
    if whole == EPOCH { "" } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_leaves_out_or_adds_is_no_change() {
        assert!(same("logLevel", &json!("LOG_LEVEL_UNSPECIFIED"), &Value::Null));
        assert!(same("blocked", &json!(false), &Value::Null));
        assert!(same("stateNotificationConfig", &json!({ "pubsubTopicName": "" }), &json!({})));
        assert!(same("gatewayConfig", &json!({ "gatewayType": "NON_GATEWAY" }), &json!({ "lastAccessedGatewayId": "g" })));
        let certificate = |pem: &str| json!({ "publicKeyCertificate": { "format": "X509_CERTIFICATE_PEM", "certificate": pem } });
        let mut answered = certificate("PEM");
        answered["publicKeyCertificate"]["x509Details"] = json!({ "subject": "CN=x" });
        assert!(same("credentials", &json!([certificate("PEM\n")]), &json!([answered])));
        let key = |time: &str| json!([{ "publicKey": { "format": "ES256_PEM", "key": "k" }, "expirationTime": time }]);
        assert!(same("credentials", &key("2036-01-01T00:00:00Z"), &key("2036-01-01T00:00:00.000Z")));
    }

    #[test]
    fn what_differs_is_a_change() {
        assert!(!same("blocked", &json!(true), &Value::Null));
        assert!(!same("metadata", &json!({ "a": "" }), &json!({})));
        assert!(!same("mqttConfig", &json!({ "mqttEnabledState": "MQTT_DISABLED" }), &json!({ "mqttEnabledState": "MQTT_ENABLED" })));
        let routes = |names: &[&str]| -> Value { names.iter().map(|n| json!({ "pubsubTopicName": n })).collect() };
        assert!(!same("eventNotificationConfigs", &routes(&["a", "b"]), &routes(&["b", "a"])));
    }
}
