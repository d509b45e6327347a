//! The dated price table, built in or given.

use serde::Deserialize;

/// The table that is built in.
pub(crate) const BUILT_IN: &str = include_str!("prices.toml");

/// All prices, in US dollars for the unit in the name; the sources stand in the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) as_of: String,
    pub(crate) cloud_iot_core: CloudIotCore,
    pub(crate) pubsub: PubSub,
    pub(crate) aws_iot: AwsIot,
    pub(crate) aws: Aws,
    pub(crate) cloud_run: CloudRun,
    pub(crate) compute: Compute,
    pub(crate) firestore: Firestore,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudIotCore {
    pub(crate) mib_to_250_gib: f64,
    pub(crate) mib_to_5_tib: f64,
    pub(crate) mib_above: f64,
    pub(crate) minimum_message_bytes: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PubSub {
    pub(crate) tib_published: f64,
    pub(crate) tib_delivered: f64,
    pub(crate) minimum_request_bytes: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsIot {
    pub(crate) million_connection_minutes: f64,
    pub(crate) million_messages: f64,
    pub(crate) million_messages_above_1e9: f64,
    pub(crate) million_messages_above_5e9: f64,
    pub(crate) million_rules: f64,
    pub(crate) million_actions: f64,
    pub(crate) unit_bytes: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Aws {
    pub(crate) million_lambda_requests: f64,
    pub(crate) lambda_gib_second: f64,
    pub(crate) million_sqs_requests: f64,
    pub(crate) million_dynamodb_writes: f64,
    pub(crate) million_dynamodb_reads: f64,
    pub(crate) gb_out: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudRun {
    pub(crate) million_requests: f64,
    pub(crate) vcpu_second: f64,
    pub(crate) gib_second: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compute {
    pub(crate) e2_micro_month: f64,
    pub(crate) e2_small_month: f64,
    pub(crate) e2_standard_4_month: f64,
    pub(crate) disk_gb_month: f64,
    pub(crate) forwarding_rule_month: f64,
    pub(crate) gib_load_balanced: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Firestore {
    pub(crate) hundred_thousand_writes: f64,
    pub(crate) hundred_thousand_reads: f64,
}

impl Prices {
    /// A table in the same form. Everything in it must be known: a misspelt price is not silently the old one.
    pub(crate) fn read(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}
