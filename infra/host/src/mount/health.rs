//! `/readyz`: whether the ports can be reached. 200 when the records answer, 503 when they do not. A command bus that is
//! down is said and is no 503: telemetry goes on without it, and a balancer that took the node out would stop that too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::ports::Stores;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::connect::{Channel, Ports};

/// How long the records may take.
const CHECK_LIMIT: Duration = Duration::from_secs(3);
/// An answer counts for this long: whoever asks more often costs the records nothing.
const FRESH: Duration = Duration::from_secs(1);
/// No registry has this name, so nothing is ever found at it.
const PROBE: &str = "readyz";

pub(super) struct Health {
    stores: Stores,
    channel: Channel,
    /// When the records were asked last, and what was wrong.
    records: Mutex<Option<(Instant, Option<String>)>>,
}

impl Health {
    pub(super) fn new(ports: &Ports) -> Self {
        Self { stores: ports.stores.clone(), channel: ports.channel.clone(), records: Mutex::new(None) }
    }

    /// What is wrong with the records.
    async fn records(&self) -> Option<String> {
        let mut last = self.records.lock().await;
        if let Some((asked, wrong)) = &*last
            && asked.elapsed() < FRESH
        {
            return wrong.clone();
        }
        let wrong = match tokio::time::timeout(CHECK_LIMIT, self.stores.registries.get(PROBE)).await {
            Ok(Ok(_)) => None,
            Ok(Err(e)) => Some(e.to_string()),
            Err(_) => Some(format!("no answer within {} s", CHECK_LIMIT.as_secs())),
        };
        if let Some(wrong) = &wrong {
            tracing::warn!("Not ready: {wrong}");
        }
        *last = Some((Instant::now(), wrong.clone()));
        wrong
    }
}

/// Reasons stand in the log: who asks need not be one of us.
pub(super) async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<Value>) {
    let wrong = health.records().await;
    let (status, records) = if wrong.is_none() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "down") };
    let commands = match &health.channel {
        Channel::Local => "local",
        Channel::Nobody => "none: no bridge, so nobody is reached",
        Channel::AwsIot(_) => "AWS IoT",
        #[cfg(feature = "full")]
        Channel::Nats(nats) if nats.is_up() => "ok",
        #[cfg(feature = "full")]
        Channel::Nats(_) => "down: commands fail, telemetry goes on",
    };
    (status, Json(json!({ "records": records, "commands": commands })))
}
