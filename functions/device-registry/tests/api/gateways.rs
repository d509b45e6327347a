//! `POST /v1/R:bindDeviceToGateway`, `:unbindDeviceFromGateway`, and what a binding forbids and lists.

use std::sync::atomic::Ordering;

use domain::Timestamp;
use domain::device::DeviceKey;
use domain::gateway::Binding;
use domain::ports::Expect;
use protocol::limits::{MAX_BOUND_DEVICES, MAX_GATEWAYS_OF_DEVICE};
use serde_json::{Value, json};

use crate::support::{App, NOON, REG};

const NAME: &str = "projects/p-1/locations/us-central1/registries/reg";

/// With registry `reg`, gateway `gw1` and the devices `dev1` and `dev2`.
pub(crate) async fn app() -> App {
    let app = App::with_registry().await;
    gateway(&app, "gw1").await;
    for id in ["dev1", "dev2"] {
        app.create(json!({"id": id})).await.ok();
    }
    app
}

pub(crate) async fn gateway(app: &App, id: &str) {
    let config = json!({"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"});
    app.create(json!({"id": id, "gatewayConfig": config})).await.ok();
}

async fn call(app: &App, verb: &str, gateway: &str, device: &str) -> fixture::Answer {
    app.post(&format!("{REG}:{verb}"), json!({"gatewayId": gateway, "deviceId": device})).await
}

pub(crate) async fn bind(app: &App, gateway: &str, device: &str) -> fixture::Answer {
    call(app, "bindDeviceToGateway", gateway, device).await
}

async fn unbind(app: &App, gateway: &str, device: &str) -> fixture::Answer {
    call(app, "unbindDeviceFromGateway", gateway, device).await
}

pub(crate) async fn listed(app: &App, query: &str) -> Vec<String> {
    ids(&app.get(&format!("{REG}/devices?gatewayListOptions.{query}")).await.ok())
}

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let rows = page["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn number(app: &App, id: &str) -> String {
    app.get(&format!("{REG}/devices/{id}")).await.ok()["numId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bound_device_is_listed_from_both_sides_until_it_is_unbound() {
    let app = app().await;
    assert_eq!(bind(&app, "gw1", "dev1").await.ok(), json!({}));
    assert_eq!(bind(&app, "gw1", "dev1").await.ok(), json!({}), "bound already is bound");
    assert_eq!(listed(&app, "associationsGatewayId=gw1").await, ["dev1"]);
    assert_eq!(listed(&app, "associationsDeviceId=dev1").await, ["gw1"]);
    assert_eq!(listed(&app, "associationsDeviceId=dev2").await, Vec::<String>::new());
    assert_eq!(unbind(&app, "gw1", "dev1").await.ok(), json!({}));
    assert_eq!(listed(&app, "associationsGatewayId=gw1").await, Vec::<String>::new());
    assert_eq!(listed(&app, "associationsDeviceId=dev1").await, Vec::<String>::new());
    assert_eq!(app.stores.bindings.list("", None, 9).await.unwrap().items.len(), 0, "nothing is left behind");
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev1", "dev1", "dev1"], "a gateway that speaks for it is told");
}

#[tokio::test]
async fn numbers_and_snake_case_name_the_two_as_well() {
    let app = app().await;
    let (gateway, device) = (number(&app, "gw1").await, number(&app, "dev1").await);
    app.post(&format!("{REG}:bindDeviceToGateway"), json!({"gateway_id": gateway, "device_id": device})).await.ok();
    assert_eq!(listed(&app, &format!("associationsGatewayId={gateway}")).await, ["dev1"]);
    assert_eq!(listed(&app, &format!("associations_device_id={device}")).await, ["gw1"]);
    unbind(&app, &gateway, &device).await.ok();
}

#[tokio::test]
async fn a_call_that_names_the_wrong_ones_is_refused_and_says_why() {
    let app = app().await;
    gateway(&app, "gw2").await;
    bind(&app, "dev1", "dev2").await.refused(400, "FAILED_PRECONDITION", "device `dev1` is not a gateway");
    bind(&app, "gw1", "gw2").await.refused(400, "FAILED_PRECONDITION", "device `gw2` is a gateway itself");
    bind(&app, "gw1", "none").await.refused(404, "NOT_FOUND", "devices/none");
    bind(&app, "none", "dev1").await.refused(404, "NOT_FOUND", "devices/none");
    bind(&app, "gw1", "").await.invalid("device id");
    bind(&app, "1x", "dev1").await.invalid("`1x`");
    unbind(&app, "gw1", "dev1").await.refused(400, "FAILED_PRECONDITION", "device `dev1` is not bound to gateway `gw1`");
}

#[tokio::test]
async fn neither_side_of_a_binding_can_be_deleted_or_change_its_type() {
    let app = app().await;
    bind(&app, "gw1", "dev1").await.ok();
    let says = "gateway `gw1` cannot be deleted: devices are bound to it, `dev1` for one";
    app.delete(&format!("{REG}/devices/gw1")).await.refused(400, "FAILED_PRECONDITION", says);
    let says = "device `dev1` cannot be deleted: it is bound to gateway `gw1`";
    app.delete(&format!("{REG}/devices/dev1")).await.refused(400, "FAILED_PRECONDITION", says);
    for (id, kind) in [("gw1", "NON_GATEWAY"), ("dev1", "GATEWAY")] {
        let body = json!({"gatewayConfig": {"gatewayType": kind}});
        let answer = app.patch(&format!("{REG}/devices/{id}?updateMask=gatewayConfig.gatewayType"), body).await;
        answer.refused(400, "FAILED_PRECONDITION", "cannot be given another gatewayType");
    }
    let body = json!({"gatewayConfig": {"gatewayAuthMethod": "DEVICE_AUTH_TOKEN_ONLY"}});
    app.patch(&format!("{REG}/devices/gw1?updateMask=gatewayConfig.gatewayAuthMethod"), body).await.ok();
    unbind(&app, "gw1", "dev1").await.ok();
    app.delete(&format!("{REG}/devices/gw1")).await.ok();
    app.delete(&format!("{REG}/devices/dev1")).await.ok();
}

#[tokio::test]
async fn the_devices_of_a_gateway_come_in_pages_and_can_be_selected() {
    let app = app().await;
    gateway(&app, "gw2").await;
    let expected: Vec<String> = (0..25).map(|i| format!("node{i:02}")).collect();
    for id in &expected {
        app.create(json!({"id": id})).await.ok();
        bind(&app, "gw1", id).await.ok();
    }
    bind(&app, "gw2", "dev1").await.ok();
    let (mut all, mut token, mut pages) = (Vec::new(), String::new(), 0);
    while pages < 9 {
        let uri = format!("{REG}/devices?pageSize=10&gatewayListOptions.associationsGatewayId=gw1&pageToken={token}");
        let page = app.get(&uri).await.ok();
        all.extend(ids(&page));
        pages += 1;
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((pages, all), (3, expected));
    assert_eq!(listed(&app, "associationsGatewayId=gw1&deviceIds=node07&deviceIds=dev1").await, ["node07"]);
}

#[tokio::test]
async fn what_cannot_be_listed_by_bindings_is_refused() {
    let app = app().await;
    app.get(&format!("{REG}/devices?gatewayListOptions.associationsGatewayId=none")).await.refused(404, "NOT_FOUND", "devices/none");
    app.get(&format!("{REG}/devices?gatewayListOptions.associationsDeviceId=1x")).await.invalid("`1x`");
    let both = "gatewayListOptions.associationsDeviceId=dev1&gatewayListOptions.gatewayType=GATEWAY";
    app.get(&format!("{REG}/devices?{both}")).await.invalid("takes one of");
}

#[tokio::test]
async fn a_device_made_anew_under_the_same_id_is_bound_to_nothing() {
    let app = app().await;
    let (gateway, device) = ("gw1".parse().unwrap(), "dev1".parse().unwrap());
    let old = Binding {
        gateway,
        gateway_num: number(&app, "gw1").await.parse().unwrap(),
        device,
        device_num: 1,
        bound_at: Timestamp::from_secs(NOON),
    };
    for key in [format!("{NAME}/gateways/gw1/devices/dev1"), format!("{NAME}/devices/dev1/gateways/gw1")] {
        app.stores.bindings.put(&key, &old, Expect::Anything).await.unwrap();
    }
    assert_eq!(listed(&app, "associationsGatewayId=gw1").await, Vec::<String>::new());
    assert_eq!(listed(&app, "associationsDeviceId=dev1").await, Vec::<String>::new());
    app.delete(&format!("{REG}/devices/dev1")).await.ok();
    assert_eq!(app.stores.bindings.list("", None, 9).await.unwrap().items.len(), 0);
}

#[tokio::test]
async fn a_binding_that_was_cut_off_half_way_binds_nobody_and_can_be_made_again() {
    for writes in 0..2 {
        let app = app().await;
        app.budget.store(writes, Ordering::Relaxed);
        bind(&app, "gw1", "dev1").await.refused(503, "UNAVAILABLE", "try again");
        app.budget.store(i64::MAX, Ordering::Relaxed);
        assert_eq!(listed(&app, "associationsGatewayId=gw1").await, Vec::<String>::new());
        assert_eq!(listed(&app, "associationsDeviceId=dev1").await, Vec::<String>::new());
        bind(&app, "gw1", "dev1").await.ok();
        assert_eq!(listed(&app, "associationsDeviceId=dev1").await, ["gw1"]);
        app.budget.store(writes, Ordering::Relaxed);
        unbind(&app, "gw1", "dev1").await.refused(503, "UNAVAILABLE", "try again");
        app.budget.store(i64::MAX, Ordering::Relaxed);
        let left = if writes == 0 { vec!["gw1"] } else { vec![] };
        assert_eq!(listed(&app, "associationsDeviceId=dev1").await, left);
        let deleted = app.delete(&format!("{REG}/devices/dev1")).await;
        assert_eq!(deleted.status, if writes == 0 { 400 } else { 200 });
    }
}

#[tokio::test]
async fn binding_and_deleting_at_once_leave_no_binding_without_its_device() {
    for _ in 0..8 {
        let app = app().await;
        let uri = format!("{REG}/devices/dev1");
        let (bound, deleted) = tokio::join!(bind(&app, "gw1", "dev1"), app.delete(&uri));
        let left = app.stores.bindings.list("", None, 9).await.unwrap().items.len();
        match (deleted.status, app.get(&uri).await.status) {
            (200, 404) => assert_eq!(left, 0),
            (400, 200) => assert_eq!((bound.status, left), (200, 2)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn past_its_limits_a_binding_is_refused() {
    let app = app().await;
    let key = |id: &str| DeviceKey { registry: NAME.parse().unwrap(), id: id.parse().unwrap() };
    for number in 0..=MAX_GATEWAYS_OF_DEVICE {
        let id = format!("gate{number:02}");
        gateway(&app, &id).await;
        let answer = bind(&app, &id, "dev1").await;
        if number < MAX_GATEWAYS_OF_DEVICE {
            answer.ok();
        } else {
            answer.refused(429, "RESOURCE_EXHAUSTED", "device `dev1` is bound to 10 gateways, the limit is 10");
        }
    }
    let device = app.stores.devices.get(&key("gw1").to_string()).await.unwrap().unwrap().value;
    for number in 0..MAX_BOUND_DEVICES {
        let id = format!("node{number:05}");
        let binding = Binding {
            gateway: device.key.id.clone(),
            gateway_num: device.num_id,
            device: id.parse().unwrap(),
            device_num: number as u64,
            bound_at: Timestamp::from_secs(NOON),
        };
        app.stores.bindings.put(&format!("{NAME}/gateways/gw1/devices/{id}"), &binding, Expect::Absent).await.unwrap();
    }
    let says = "10000 devices are bound to gateway `gw1`, the limit is 10000";
    bind(&app, "gw1", "dev2").await.refused(429, "RESOURCE_EXHAUSTED", says);
}
