//! A gateway and its devices.

use bytes::Bytes;
use domain::device::{GatewayAuthMethod, GatewayType};
use domain::gateway;
use domain::ports::Command;
use infra_bridge::Limits;
use serde_json::Value;

use crate::support::client::{Client, Got};
use crate::support::{Rig, client_id, device_key, limits};

pub const ERRORS: &str = "/devices/gate/errors";

/// A bridge with gateway `gate` (number 2) and the devices `dev` (1), which is bound to it, and `other` (3), which is not.
pub async fn rig_with(limits: Limits, method: GatewayAuthMethod) -> Rig {
    let rig = Rig::with(limits).await;
    rig.add("gate", 2).await;
    rig.add("other", 3).await;
    rig.change("gate", |d| {
        d.gateway.kind = GatewayType::Gateway;
        d.gateway.auth_method = method;
    })
    .await;
    bind(&rig, "dev").await;
    rig
}

pub async fn rig() -> Rig {
    rig_with(limits(), GatewayAuthMethod::AssociationOnly).await
}

pub async fn record(rig: &Rig, id: &str) -> domain::Device {
    rig.stores.devices.get(&device_key(id).to_string()).await.unwrap().unwrap().value
}

pub async fn bind(rig: &Rig, id: &str) {
    gateway::bind(&rig.stores, &record(rig, "gate").await, &record(rig, id).await, rig.now()).await.unwrap();
}

pub async fn unbind(rig: &Rig, id: &str) {
    gateway::unbind(&rig.stores, &record(rig, "gate").await, &record(rig, id).await).await.unwrap();
    rig.bridge.commands().hint(&device_key(id)).await.unwrap();
}

pub async fn gate(rig: &Rig, level: u8) -> Client {
    Client::accepted(rig.addr, level, &client_id("gate"), &rig.key.token()).await
}

/// A gateway that hears its errors and has attached `dev`.
pub async fn attached(rig: &Rig, level: u8) -> Client {
    let mut gate = gate(rig, level).await;
    gate.subscribe(1, &[(ERRORS, 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(1, vec![0]));
    gate.publish("/devices/dev/attach", 1, 2, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(2));
    gate
}

pub async fn error(gate: &mut Client) -> Value {
    match gate.next().await {
        Got::Publish { topic, payload, qos: 0, .. } if topic == ERRORS => serde_json::from_slice(&payload).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub async fn got(gate: &mut Client) -> (String, Bytes, u16) {
    match gate.next().await {
        Got::Publish { topic, payload, id, .. } => (topic, payload, id),
        other => panic!("{other:?}"),
    }
}

/// Nothing came, and the connection is still there.
pub async fn is_quiet(gate: &mut Client) {
    gate.ping().await;
    assert_eq!(gate.next().await, Got::Pong);
}

pub fn command(data: &'static str) -> Command {
    Command { id: None, subfolder: String::new(), data: data.into() }
}
