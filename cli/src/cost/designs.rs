//! The designs and what each costs: one function each, one line for each thing that is paid.

use super::load::Load;
use super::prices::Prices;

const MILLION: f64 = 1e6;
const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;
const GB: f64 = 1e9;
const TIB: f64 = 1_099_511_627_776.0;

/// Billed time of one message in a function, in seconds, and the memory it has meanwhile: a Pub/Sub publish awaited.
const FUNCTION_SECONDS: f64 = 0.030;
const FUNCTION_GIB: f64 = 0.125;
/// Requests an instance of Cloud Run serves at a time, on average, when it is busy: they share its time.
const CLOUD_RUN_CONCURRENCY: f64 = 10.0;
/// Messages in one call of a function that a queue feeds (SQS allows 10 without a batching window).
const QUEUE_BATCH: f64 = 10.0;
/// Bytes that leave the cloud with a publish besides the message: TLS records and HTTP/2 frames.
const WIRE_BYTES: f64 = 800.0;
/// Messages that a bridge puts into one request to Pub/Sub at least: its batches close after 10 ms.
const BRIDGE_BATCH: f64 = 10.0;
/// Devices that a node of each size keeps connected; 8.5 KiB each were measured (docs/benchmarks.md), the rest is reserve.
const DEVICES_OF_E2_SMALL: f64 = 50_000.0;
const DEVICES_OF_E2_STANDARD_4: f64 = 250_000.0;
/// Records that are read to know a device: its own and its registry's.
const RECORDS_A_LOOK: f64 = 2.0;
/// Nodes at least, so that one may fail.
const MIN_NODES: f64 = 2.0;
/// Nodes of NATS (docs/operations.md).
const NATS_NODES: f64 = 3.0;
/// Disk of a node (terraform/modules/gcp/bridge, .../nats).
const DISK_GB: f64 = 10.0;

/// What one design costs.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    /// As `--json` names it.
    pub(crate) id: &'static str,
    /// As people read it.
    pub(crate) design: &'static str,
    /// What is paid, dollars a month.
    pub(crate) items: Vec<(&'static str, f64)>,
}

impl Cost {
    /// Dollars a month.
    pub(crate) fn total(&self) -> f64 {
        self.items.iter().map(|(_, dollars)| dollars).sum()
    }
}

/// Every design under one load.
pub(crate) fn all(load: &Load, prices: &Prices) -> Vec<Cost> {
    let cost = |id, design, items| Cost { id, design, items };
    vec![
        cost("cloud-iot-core", "Cloud IoT Core, as it was", cloud_iot_core(load, prices)),
        cost("bridge", "Drawbridge: MQTT bridge on two or more VMs", bridge(load, prices)),
        cost("aws-iot", "Drawbridge: AWS IoT Core, SQS, Lambda", aws_iot(load, prices)),
        cost("http", "Drawbridge: HTTP to a function on Cloud Run", http(load, prices)),
        cost("direct", "Drawbridge: token once, device publishes itself", direct(load, prices)),
    ]
}

/// Published and delivered once, when `per_request` messages share a request.
fn pubsub(load: &Load, prices: &Prices, per_request: f64) -> f64 {
    let p = &prices.pubsub;
    let published = load.message_bytes().max(p.minimum_request_bytes / per_request);
    load.messages() * (published * p.tib_published + load.message_bytes() * p.tib_delivered) / TIB
}

/// Last-seen times, each read before it is written, and other `reads`.
fn firestore(load: &Load, reads: f64, prices: &Prices) -> f64 {
    let p = &prices.firestore;
    let (writes, reads) = (load.last_seen_writes(), load.last_seen_writes() + reads);
    (writes * p.hundred_thousand_writes + reads * p.hundred_thousand_reads) / 1e5
}

fn cloud_iot_core(load: &Load, prices: &Prices) -> Vec<(&'static str, f64)> {
    let p = &prices.cloud_iot_core;
    let mib = load.messages() * load.payload_bytes().max(p.minimum_message_bytes) / MIB;
    let (first, second) = (250.0 * 1024.0, 5.0 * 1024.0 * 1024.0);
    let data =
        mib.min(first) * p.mib_to_250_gib + (mib.min(second) - first).max(0.0) * p.mib_to_5_tib + (mib - second).max(0.0) * p.mib_above;
    vec![("data volume", data), ("Pub/Sub", pubsub(load, prices, 1.0))]
}

fn bridge(load: &Load, prices: &Prices) -> Vec<(&'static str, f64)> {
    let p = &prices.compute;
    let (of_a_node, month) = match load.devices <= DEVICES_OF_E2_SMALL * MIN_NODES {
        true => (DEVICES_OF_E2_SMALL, p.e2_small_month),
        false => (DEVICES_OF_E2_STANDARD_4, p.e2_standard_4_month),
    };
    // Whatever one node can hold, the others must take over when it fails.
    let nodes = ((load.devices / of_a_node).ceil() + 1.0).max(MIN_NODES);
    let balanced = p.forwarding_rule_month + load.messages() * load.message_bytes() / GIB * p.gib_load_balanced;
    vec![
        ("bridge nodes", nodes * month),
        ("NATS nodes", NATS_NODES * p.e2_micro_month),
        ("disks", (nodes + NATS_NODES) * DISK_GB * p.disk_gb_month),
        ("load balancer", balanced),
        ("Firestore", firestore(load, load.session_looks(), prices)),
        ("Pub/Sub", pubsub(load, prices, BRIDGE_BATCH)),
    ]
}

fn aws_iot(load: &Load, prices: &Prices) -> Vec<(&'static str, f64)> {
    let (p, aws) = (&prices.aws_iot, &prices.aws);
    let units = load.messages() * (load.payload_bytes() / p.unit_bytes).ceil().max(1.0);
    let metered = units.min(1e9) * p.million_messages
        + (units.min(5e9) - 1e9).max(0.0) * p.million_messages_above_1e9
        + (units - 5e9).max(0.0) * p.million_messages_above_5e9;
    let calls = load.messages() / QUEUE_BATCH;
    let lambda =
        (calls + load.authorizations()) * (aws.million_lambda_requests / MILLION + FUNCTION_SECONDS * FUNCTION_GIB * aws.lambda_gib_second);
    // Sent one by one, received and deleted in batches.
    let queue = (load.messages() + 2.0 * calls) / MILLION * aws.million_sqs_requests;
    let reads = load.last_seen_writes() + RECORDS_A_LOOK * (load.authorizations() + load.fan_out_looks());
    let records = (load.last_seen_writes() * aws.million_dynamodb_writes + reads * aws.million_dynamodb_reads) / MILLION;
    let out = (load.messages() * load.message_bytes() + calls * WIRE_BYTES) / GB * aws.gb_out;
    vec![
        ("connection minutes", load.connection_minutes() / MILLION * p.million_connection_minutes),
        ("messages", metered / MILLION),
        ("rule and action", units / MILLION * (p.million_rules + p.million_actions)),
        ("SQS", queue),
        ("Lambda", lambda),
        ("DynamoDB", records),
        ("data out", out),
        ("Pub/Sub", pubsub(load, prices, QUEUE_BATCH)),
    ]
}

fn http(load: &Load, prices: &Prices) -> Vec<(&'static str, f64)> {
    // Every request proves itself, so every request reads its device; the registry is read once a minute for all of an instance.
    let records = firestore(load, load.messages(), prices);
    vec![("Cloud Run", cloud_run(load.messages(), prices)), ("Firestore", records), ("Pub/Sub", pubsub(load, prices, 1.0))]
}

fn direct(load: &Load, prices: &Prices) -> Vec<(&'static str, f64)> {
    let reads = RECORDS_A_LOOK * load.tokens() / 1e5 * prices.firestore.hundred_thousand_reads;
    vec![("Cloud Run", cloud_run(load.tokens(), prices)), ("Firestore", reads), ("Pub/Sub", pubsub(load, prices, 1.0))]
}

fn cloud_run(requests: f64, prices: &Prices) -> f64 {
    let p = &prices.cloud_run;
    let second = p.vcpu_second + FUNCTION_GIB * p.gib_second;
    requests * (p.million_requests / MILLION + FUNCTION_SECONDS / CLOUD_RUN_CONCURRENCY * second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(id: &str, devices: f64, batch: f64) -> f64 {
        let load = Load { devices, per_minute: 1.0, bytes: 200.0, batch };
        all(&load, &Prices::read(crate::cost::prices::BUILT_IN).unwrap()).iter().find(|c| c.id == id).unwrap().total()
    }

    #[test]
    fn the_old_service_costs_what_its_price_list_says() {
        // 10,000 devices, 432 M messages of 1 KiB: 421,875 MiB, 1,152 + 331.75 dollars, and 22 of Pub/Sub.
        assert!((dollars("cloud-iot-core", 10_000.0, 1.0) - 1_505.7).abs() < 1.0);
    }

    #[test]
    fn batches_on_the_device_are_worth_more_than_any_cloud() {
        for id in ["aws-iot", "http"] {
            assert!(dollars(id, 10_000.0, 60.0) * 5.0 < dollars(id, 10_000.0, 1.0), "{id}");
        }
    }

    #[test]
    fn nothing_is_free_and_nothing_gets_cheaper_with_more_devices() {
        for id in ["cloud-iot-core", "bridge", "aws-iot", "http", "direct"] {
            let by_size = [1.0, 1e3, 1e4, 1e5, 1e6].map(|devices| dollars(id, devices, 1.0));
            assert!(by_size[0] > 0.0 && by_size.is_sorted(), "{id}: {by_size:?}");
        }
    }
}
