//! A subscriber of Google's Pub/Sub emulator, over its REST API.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stage::Http;

use crate::{Arrival, setting};

/// Messages asked for at once.
const BATCH: u64 = 1000;

/// Longer than any test: Pub/Sub itself redelivers nothing meanwhile.
const ACK_DEADLINE_SECS: u64 = 600;

/// One topic and one subscription, which keeps the order of each device.
#[derive(Debug)]
pub struct PubSub {
    /// `host:port` of the emulator.
    pub host: String,
    /// The topic's id.
    pub topic: String,
    http: Http,
    subscription: String,
    seen: HashSet<String>,
}

impl PubSub {
    /// Makes a topic in `project` of the emulator that `cargo xtask test` started, and subscribes to it.
    ///
    /// # Errors
    /// When the emulator is not there or refuses.
    pub fn subscribe(project: &str) -> Result<Self> {
        // A name of its own, so that a second run on the same emulator begins with an empty topic.
        let topic = format!("readings-{}", std::process::id());
        let host = setting("PUBSUB_EMULATOR_HOST")?;
        let addr = host.parse().with_context(|| format!("PUBSUB_EMULATOR_HOST is `{host}`"))?;
        let mut http = Http::to(addr);
        for name in [topic.clone(), format!("{topic}-state")] {
            http.json("PUT", &format!("/v1/projects/{project}/topics/{name}"), &json!({}))?.success("creating the topic")?;
        }
        let subscription = format!("/v1/projects/{project}/subscriptions/{topic}");
        let body = json!({
            "topic": format!("projects/{project}/topics/{topic}"),
            "ackDeadlineSeconds": ACK_DEADLINE_SECS,
            "enableMessageOrdering": true,
        });
        http.json("PUT", &subscription, &body)?.success("creating the subscription")?;
        Ok(Self { host, topic, http, subscription, seen: HashSet::new() })
    }

    /// What arrived since, in order, acknowledged; each message of Pub/Sub once.
    ///
    /// # Errors
    /// When the emulator refuses or answers something else.
    pub fn take(&mut self) -> Result<Vec<Arrival>> {
        let ask = json!({ "maxMessages": BATCH, "returnImmediately": true });
        let pulled = self.http.json("POST", &format!("{}:pull", self.subscription), &ask)?.success("pulling")?.json()?;
        let received = pulled["receivedMessages"].as_array().cloned().unwrap_or_default();
        if received.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
            return Ok(Vec::new());
        }
        let ids: Vec<_> = received.iter().map(|r| &r["ackId"]).collect();
        self.http.json("POST", &format!("{}:acknowledge", self.subscription), &json!({ "ackIds": ids }))?.success("acknowledging")?;
        let new = received.iter().filter(|r| self.seen.insert(r["message"]["messageId"].to_string()));
        new.map(|r| arrival(&r["message"])).collect()
    }
}

fn arrival(message: &Value) -> Result<Arrival> {
    let data = STANDARD.decode(message["data"].as_str().unwrap_or_default())?;
    let attribute = |name: &str| message["attributes"][name].as_str().unwrap_or_default().to_owned();
    Ok(Arrival { data, device: attribute("deviceId"), reading_id: attribute("readingId") })
}
