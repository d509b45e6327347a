//! Devices behind gateways, where a bridge is one of several nodes. What carries words between nodes has its own tests; here
//! it is a map, so that only the bridge can be wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::device::{GatewayAuthMethod, GatewayType};
use domain::ports::{Command, Delivery, LiveSession, Presence};
use domain::{DeviceKey, gateway};
use infra_local::memory_stores;
use support::client::{Client, Got};
use support::{Rig, device_key, eventually, limits};

type Seats = Arc<Mutex<HashMap<DeviceKey, (u64, Arc<dyn LiveSession>)>>>;

/// Which session has a device, on any node.
#[derive(Clone, Default)]
struct Nodes {
    seats: Seats,
    next: Arc<Mutex<u64>>,
}

/// Leaves when it is dropped, unless a newer session has the device.
struct Leaving(Seats, DeviceKey, u64);

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut seats = self.0.lock().unwrap();
        if seats.get(&self.1).is_some_and(|(number, _)| *number == self.2) {
            seats.remove(&self.1);
        }
    }
}

#[async_trait]
impl Presence for Nodes {
    async fn enter(&self, device: &DeviceKey, session: Arc<dyn LiveSession>) -> Box<dyn Send + Sync> {
        let number = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            *next
        };
        if let Some((_, older)) = self.seats.lock().unwrap().insert(device.clone(), (number, session)) {
            older.take_over();
        }
        Box::new(Leaving(self.seats.clone(), device.clone(), number))
    }
}

impl Nodes {
    fn session(&self, id: &str) -> Option<Arc<dyn LiveSession>> {
        self.seats.lock().unwrap().get(&device_key(id)).map(|(_, session)| session.clone())
    }
}

/// Two nodes over the same records, with gateway `gate` and the device `dev` that is bound to it.
async fn nodes() -> (Nodes, [Rig; 2]) {
    let (nodes, stores) = (Nodes::default(), memory_stores());
    let other = Rig::node(stores.clone(), limits(), Some(Arc::new(nodes.clone()))).await;
    // The second node's key is the one that the devices have.
    let rig = Rig::node(stores, limits(), Some(Arc::new(nodes.clone()))).await;
    rig.add("gate", 2).await;
    rig.change("gate", |d| {
        d.gateway.kind = GatewayType::Gateway;
        d.gateway.auth_method = GatewayAuthMethod::AssociationOnly;
    })
    .await;
    let [gate, dev] = [device_key("gate"), device_key("dev")].map(|key| key.to_string());
    let read = async |key: &str| rig.stores.devices.get(key).await.unwrap().unwrap().value;
    gateway::bind(&rig.stores, &read(&gate).await, &read(&dev).await, rig.now()).await.unwrap();
    (nodes, [rig, other])
}

async fn attach(rig: &Rig) -> Client {
    let mut gate = rig.device("gate").await;
    gate.publish("/devices/dev/attach", 1, 1, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(1));
    gate.subscribe(2, &[("/devices/dev/commands/#", 0), ("/devices/gate/errors", 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(2, vec![0, 0]));
    gate
}

#[tokio::test]
async fn an_attached_device_is_reached_from_other_nodes_until_it_is_detached() {
    let (nodes, [rig, _]) = nodes().await;
    let mut gate = attach(&rig).await;
    let session = nodes.session("dev").expect("announced when the attach was acknowledged");
    let command = Command { id: None, subfolder: String::new(), data: "go".into() };
    assert_eq!(session.deliver(command.clone()).await.unwrap(), Delivery::Delivered);
    assert!(matches!(gate.next().await, Got::Publish { topic, .. } if topic == "/devices/dev/commands"));
    rig.change("dev", |d| d.blocked = true).await;
    session.hint();
    assert!(matches!(gate.next().await, Got::Publish { topic, .. } if topic == "/devices/gate/errors"));
    assert!(nodes.session("dev").is_none() && nodes.session("gate").is_some());
    assert_eq!(session.deliver(command).await.unwrap(), Delivery::NotConnected);
}

#[tokio::test]
async fn a_device_that_connects_to_another_node_is_taken_from_its_gateway() {
    let (nodes, [rig, other]) = nodes().await;
    let mut gate = attach(&rig).await;
    let _device = Client::accepted(other.addr, 4, &support::client_id("dev"), &rig.key.token()).await;
    assert!(matches!(gate.next().await, Got::Publish { topic, .. } if topic == "/devices/gate/errors"));
    eventually("the gateway's node gave it up", || rig.bridge.counters().detached_taken_over == 1).await;
    assert!(nodes.session("dev").is_some(), "the device's own session keeps it");
    gate.ping().await;
    assert_eq!(gate.next().await, Got::Pong);
}
