//! What a device may do at AWS IoT: be itself, publish its events and states, be told its configuration, commands and errors.

use domain::DeviceKey;
use serde_json::{Value, json};

/// The account and region whose AWS IoT asks, as ARNs begin: from the authorizer's own ARN. A policy holds only where it was
/// given, so where that ARN says nothing (an emulator's) any account and region are named.
pub(super) fn arns(function: &str) -> String {
    match function.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, "lambda", region, account, _] => format!("arn:{partition}:iot:{region}:{account}"),
        _ => "arn:aws:iot:*:*".into(),
    }
}

/// One document for each action: AWS takes ten of 2,048 characters.
pub(super) fn documents(arns: &str, device: &DeviceKey) -> Vec<Value> {
    let id = &device.id;
    let named = |kind: &str, names: &[String]| -> Vec<String> { names.iter().map(|name| format!("{arns}:{kind}/{name}")).collect() };
    let out = ["events", "events/*", "state"].map(|t| format!("/devices/{id}/{t}"));
    let back = ["config", "commands", "commands/*", "errors"].map(|t| format!("/devices/{id}/{t}"));
    let filters = ["config", "commands/#", "errors"].map(|t| format!("/devices/{id}/{t}"));
    [
        ("iot:Connect", named("client", &[device.to_string()])),
        ("iot:Publish", named("topic", &out)),
        ("iot:Receive", named("topic", &back)),
        ("iot:Subscribe", named("topicfilter", &filters)),
    ]
    .into_iter()
    .map(|(action, resource)| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_may_be_itself_and_nothing_else() {
        let key = DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: "pi-1".parse().unwrap() };
        let all = documents(&arns("arn:aws:lambda:eu-west-1:123456789012:function:drawbridge-authorizer"), &key);
        let base = "arn:aws:iot:eu-west-1:123456789012";
        let of = |n: usize| all[n]["Statement"][0].clone();
        assert_eq!(of(0)["Resource"], json!([format!("{base}:client/projects/p/locations/l/registries/reg/devices/pi-1")]));
        assert_eq!(of(1)["Action"], "iot:Publish");
        assert_eq!(of(1)["Resource"][1], format!("{base}:topic//devices/pi-1/events/*"));
        assert_eq!(of(3)["Resource"][1], format!("{base}:topicfilter//devices/pi-1/commands/#"));
        assert_eq!(all.len(), 4);
        assert_eq!(arns("function-arn"), "arn:aws:iot:*:*");
    }

    #[test]
    fn every_document_is_within_the_limit_of_aws() {
        // The longest device id that a client id of 128 bytes leaves room for.
        let id = format!("d{}", "x".repeat(79));
        let key = DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: id.parse().unwrap() };
        for document in documents(&arns("arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f"), &key) {
            assert!(document.to_string().len() <= 2048, "{}", document.to_string().len());
        }
    }
}
