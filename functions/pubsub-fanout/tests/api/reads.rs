//! What an event costs in reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::PortError;
use domain::ports::{Expect, Page, Records, Versioned, Written};
use serde_json::json;

use crate::support::{App, V};

/// Counts what is read.
struct Counted<T>(Arc<dyn Records<T>>, Arc<AtomicU32>);

#[async_trait]
impl<T: Send + Sync> Records<T> for Counted<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(key).await
    }
    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.list(prefix, after, limit).await
    }
}

/// The bridge, and the reads of devices, of registries and of statuses so far.
async fn counted() -> (App, impl Fn() -> [u32; 3]) {
    let (mut stores, reads) = (infra_local::memory_stores(), [(); 3].map(|()| Arc::new(AtomicU32::new(0))));
    stores.devices = Arc::new(Counted(stores.devices, reads[0].clone()));
    stores.registries = Arc::new(Counted(stores.registries, reads[1].clone()));
    stores.statuses = Arc::new(Counted(stores.statuses, reads[2].clone()));
    let app = App::over(stores).await;
    (app, move || [0, 1, 2].map(|n: usize| reads[n].swap(0, Ordering::Relaxed)))
}

#[tokio::test]
async fn an_event_reads_its_device_and_all_events_of_a_minute_their_registry_once() {
    let (app, reads) = counted().await;
    let send = async || app.post(&format!("{V}:publishEvent"), json!({"binaryData": "AA=="})).await.ok();
    send().await;
    assert_eq!(reads(), [1, 1, 1], "cold, and the last-seen time is due");
    for _ in 0..50 {
        send().await;
    }
    assert_eq!(reads(), [50, 0, 0], "warm: the device alone, so that one that is blocked is refused at once");
    app.clock.pass(Duration::from_secs(59));
    send().await;
    assert_eq!(reads(), [1, 0, 0]);
    app.clock.pass(Duration::from_secs(1));
    send().await;
    assert_eq!(reads(), [1, 1, 0]);
}

#[tokio::test]
async fn a_device_that_is_blocked_is_refused_at_its_next_request_and_new_routes_count_within_a_minute() {
    let app = App::new().await;
    let send = async || app.post(&format!("{V}:publishEvent"), json!({"binaryData": "AA=="})).await;
    send().await.ok();
    app.device(|d| d.blocked = true).await;
    send().await.refused(403, "PERMISSION_DENIED", "the device is blocked");
    app.device(|d| d.blocked = false).await;
    app.registry(|r| r.routes.clear()).await;
    send().await.ok();
    app.clock.pass(Duration::from_secs(60));
    send().await.refused(400, "FAILED_PRECONDITION", "no event notification config");
}

#[tokio::test]
async fn a_registry_that_takes_nothing_is_read_each_time_so_that_mending_it_counts_at_once() {
    let app = App::new().await;
    let send = async || app.post(&format!("{V}:publishEvent"), json!({"binaryData": "AA=="})).await;
    app.registry(|r| r.http_enabled = false).await;
    send().await.refused(403, "PERMISSION_DENIED", "HTTP is disabled for this registry");
    app.registry(|r| r.http_enabled = true).await;
    let routes = app.routes().await;
    app.registry(|r| r.routes.clear()).await;
    send().await.refused(400, "FAILED_PRECONDITION", "no event notification config");
    app.registry(move |r| r.routes = routes.clone()).await;
    send().await.ok();
}
