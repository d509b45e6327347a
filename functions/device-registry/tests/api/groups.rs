//! The methods below `groups/{group}`: a group is a gateway with the devices bound to it.

use serde_json::json;

use crate::gateways::{app, bind, gateway, ids, listed, number};
use crate::support::{App, REG};

/// Gateways `gw1` and `gw2`; `dev1` is bound to `gw1`, `dev2` to nobody.
async fn group() -> App {
    let app = app().await;
    gateway(&app, "gw2").await;
    bind(&app, "gw1", "dev1").await.ok();
    app
}

#[tokio::test]
async fn a_device_of_the_group_is_read_and_changed_as_without_the_group() {
    let app = group().await;
    let (gateway, device) = (number(&app, "gw1").await, number(&app, "dev1").await);
    for path in ["gw1/devices/dev1".to_owned(), format!("gw1/devices/{device}"), format!("{gateway}/devices/dev1")] {
        let uri = format!("{REG}/groups/{path}");
        assert_eq!(app.get(&uri).await.ok(), app.get(&format!("{REG}/devices/dev1")).await.ok());
        assert_eq!(app.get(&format!("{uri}/configVersions")).await.ok()["deviceConfigs"][0]["version"], "1");
        assert_eq!(app.get(&format!("{uri}/states")).await.ok(), json!({}));
    }
    app.patch(&format!("{REG}/groups/gw1/devices/dev1?updateMask=blocked"), json!({"blocked": true})).await.ok();
    assert_eq!(app.get(&format!("{REG}/devices/dev1")).await.ok()["blocked"], true);
    let deleted = app.delete(&format!("{REG}/groups/gw1/devices/dev1")).await;
    deleted.refused(404, "NOT_FOUND", "is not part of this API");
}

#[tokio::test]
async fn a_device_that_is_not_bound_is_not_reached_through_the_group() {
    let app = group().await;
    let number = number(&app, "dev2").await;
    for (group, device) in [("gw1", "dev2"), ("gw1", number.as_str()), ("gw1", "none"), ("gw1", "gw1"), ("gw2", "dev1")] {
        let says = format!("groups/{group}/devices/{device}` was not found: no device `{device}` is bound to gateway `{group}`");
        let uri = format!("{REG}/groups/{group}/devices/{device}");
        for below in ["", "/configVersions", "/states"] {
            app.get(&format!("{uri}{below}")).await.refused(404, "NOT_FOUND", &says);
        }
        app.patch(&format!("{uri}?updateMask=blocked"), json!({"blocked": true})).await.refused(404, "NOT_FOUND", &says);
    }
    assert!(app.get(&format!("{REG}/devices/dev2")).await.ok().get("blocked").is_none());
    app.get(&format!("{REG}/groups/gw1/devices/1x")).await.invalid("`1x`");
}

#[tokio::test]
async fn what_is_no_gateway_of_the_registry_is_no_group() {
    let app = group().await;
    let body = json!({"gatewayId": "gw1", "deviceId": "dev1"});
    for name in ["none", "dev1", "12", "1x", "all devices"] {
        let group = format!("{REG}/groups/{}", name.replace(' ', "%20"));
        let says = format!("groups/{name}` was not found: a group is a gateway with the devices bound to it, and `{name}` is no gateway");
        for below in ["devices", "devices/dev1", "devices/dev1/configVersions", "devices/dev1/states"] {
            app.get(&format!("{group}/{below}")).await.refused(404, "NOT_FOUND", &says);
        }
        for verb in ["bindDeviceToGateway", "unbindDeviceFromGateway"] {
            app.post(&format!("{group}:{verb}"), body.clone()).await.refused(404, "NOT_FOUND", &says);
        }
    }
    let elsewhere = REG.replace("registries/reg", "registries/other");
    app.get(&format!("{elsewhere}/groups/gw1/devices")).await.refused(404, "NOT_FOUND", "registries/other/groups/gw1` was not found");
    assert_eq!(listed(&app, "associationsGatewayId=gw1").await, ["dev1"]);
}

#[tokio::test]
async fn a_group_lists_the_devices_of_its_gateway() {
    let app = group().await;
    bind(&app, "gw1", "dev2").await.ok();
    let list = async |query: &str| app.get(&format!("{REG}/groups/gw1/devices?{query}")).await;
    assert_eq!(ids(&list("").await.ok()), ["dev1", "dev2"]);
    assert_eq!(ids(&list("deviceIds=dev2&deviceIds=gw2").await.ok()), ["dev2"]);
    assert_eq!(ids(&list("gatewayListOptions.gatewayType=NON_GATEWAY").await.ok()), ["dev1", "dev2"]);
    let first = list("pageSize=1&fieldMask=config").await.ok();
    assert_eq!((ids(&first), &first["devices"][0]["config"]["version"]), (vec!["dev1".to_owned()], &json!("1")));
    let token = first["nextPageToken"].as_str().unwrap();
    assert_eq!(ids(&list(&format!("pageSize=1&pageToken={token}")).await.ok()), ["dev2"]);
    assert_eq!(app.get(&format!("{REG}/groups/gw2/devices")).await.ok(), json!({}));
    for other in ["associationsGatewayId=gw2", "associationsDeviceId=dev1"] {
        list(&format!("gatewayListOptions.{other}")).await.invalid("gateway_list_options cannot name a gateway or a device below a group");
    }
}

#[tokio::test]
async fn a_group_binds_and_unbinds_devices_of_its_own_gateway_only() {
    let app = group().await;
    let call = async |verb: &str, gateway: &str| {
        app.post(&format!("{REG}/groups/gw1:{verb}"), json!({"gatewayId": gateway, "deviceId": "dev2"})).await
    };
    let number = number(&app, "gw1").await;
    for gateway in ["gw1", number.as_str()] {
        assert_eq!(call("bindDeviceToGateway", gateway).await.ok(), json!({}));
        assert_eq!(listed(&app, "associationsGatewayId=gw1").await, ["dev1", "dev2"]);
        for other in ["gw2", "none", "1x", ""] {
            let says = format!("gateway_id `{other}` is not the gateway of this group, `gw1`");
            call("bindDeviceToGateway", other).await.invalid(&says);
            call("unbindDeviceFromGateway", other).await.invalid(&says);
        }
        assert_eq!(call("unbindDeviceFromGateway", gateway).await.ok(), json!({}));
        assert_eq!(listed(&app, "associationsGatewayId=gw1").await, ["dev1"]);
    }
    assert_eq!(listed(&app, "associationsGatewayId=gw2").await, Vec::<String>::new());
}
