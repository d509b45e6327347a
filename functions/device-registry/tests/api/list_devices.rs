//! `GET /v1/R/devices`.

use serde_json::{Value, json};

use crate::support::{App, P, REG};

fn ids(page: &Value) -> Vec<String> {
    let rows = page["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|d| d["id"].as_str().unwrap().to_owned()).collect()
}

/// Follows page tokens from `uri` to the end.
async fn pages(app: &App, uri: &str) -> Vec<Vec<String>> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{uri}&pageToken={token}")).await.ok();
        all.push(ids(&page));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_thousand_devices_come_in_pages_each_once() {
    let app = App::with_registry().await;
    app.post(&format!("{P}/registries"), json!({"id": "reg2"})).await.ok();
    let expected: Vec<String> = (0..1000).map(|i| format!("dev{i:04}")).collect();
    for id in &expected {
        app.create(json!({"id": id, "gatewayConfig": {"gatewayType": u8::from(id.ends_with('7'))}})).await.ok();
    }
    app.post(&format!("{REG}2/devices"), json!({"id": "other"})).await.ok();
    for (size, count) in [("300", 4), ("500", 2), ("0", 2), ("9999", 2), ("250", 4)] {
        let all = pages(&app, &format!("{REG}/devices?pageSize={size}")).await;
        assert_eq!((all.len(), all.concat()), (count, expected.clone()), "pageSize {size}");
    }
    for kind in ["GATEWAY", "1"] {
        let gateways = pages(&app, &format!("{REG}/devices?pageSize=30&gatewayListOptions.gatewayType={kind}")).await;
        let sevens: Vec<String> = expected.iter().filter(|id| id.ends_with('7')).cloned().collect();
        assert_eq!((gateways.len(), gateways.concat()), (4, sevens));
    }
    let others = pages(&app, &format!("{REG}/devices?gateway_list_options.gateway_type=NON_GATEWAY")).await.concat();
    assert_eq!(others.len(), 900);
}

#[tokio::test]
async fn a_row_has_the_captured_fields_and_what_the_mask_adds() {
    let app = App::with_registry().await;
    app.create(json!({"id": "dev", "blocked": true, "config": {"binaryData": "AA=="}})).await.ok();
    let name = "projects/p-1/locations/us-central1/registries/reg/devices/2600000000000000";
    let row = json!({"id": "dev", "name": name, "numId": "2600000000000000", "gatewayConfig": {}});
    assert_eq!(app.get(&format!("{REG}/devices")).await.ok(), json!({"devices": [row]}));
    for mask in ["config,gateway_config", "config,gatewayConfig"] {
        let row = &app.get(&format!("{REG}/devices?fieldMask={mask}")).await.ok()["devices"][0];
        assert_eq!((&row["config"]["binaryData"], &row["gatewayConfig"]), (&json!("AA=="), &json!({})));
        assert_eq!((&row["id"], &row["numId"], row.get("blocked")), (&json!("dev"), &json!("2600000000000000"), None));
    }
    let row = &app.get(&format!("{REG}/devices?fieldMask=blocked")).await.ok()["devices"][0];
    assert_eq!(row, &json!({"id": "dev", "name": name, "numId": "2600000000000000", "blocked": true}));
}

#[tokio::test]
async fn ids_and_numbers_select() {
    let app = App::with_registry().await;
    for id in ["aaa", "bbb", "ccc", "ddd"] {
        app.create(json!({"id": id})).await.ok();
    }
    let number = app.get(&format!("{REG}/devices/bbb")).await.ok()["numId"].as_str().unwrap().to_owned();
    let ask = |query: String| format!("{REG}/devices?{query}");
    let page = app.get(&ask("deviceIds=ddd&deviceIds=aaa&device_ids=zzz&deviceIds=aaa".into())).await.ok();
    assert_eq!(ids(&page), ["aaa", "ddd"]);
    let page = app.get(&ask(format!("deviceNumIds={number}&deviceNumIds=7"))).await.ok();
    assert_eq!(ids(&page), ["bbb"]);
    let all = pages(&app, &ask(format!("pageSize=1&deviceIds=ccc&deviceIds=aaa&deviceNumIds={number}"))).await;
    assert_eq!(all, [["aaa"], ["bbb"], ["ccc"]]);
    app.get(&ask("deviceIds=1x".into())).await.invalid("device id `1x`");
    app.get(&ask("deviceNumIds=x".into())).await.invalid("\"x\"");
    let many = "deviceIds=aaa&".repeat(4_000);
    assert_eq!(ids(&app.get(&ask(many)).await.ok()), ["aaa"]);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused() {
    let app = App::with_registry().await;
    assert_eq!(app.get(&format!("{REG}/devices")).await.ok(), json!({}));
    app.get(&format!("{REG}2/devices")).await.refused(404, "NOT_FOUND", "reg2");
    app.get(&format!("{REG}/devices?pageSize=-1")).await.invalid("negative");
    app.get(&format!("{REG}/devices?pageToken=%25")).await.invalid("page_token `%` is none that this server gave");
    app.get(&format!("{REG}/devices?fieldMask=nope")).await.invalid("`nope`");
    app.get(&format!("{REG}/devices?gatewayListOptions.gatewayType=ROUTER")).await.invalid("\"ROUTER\"");
}

#[tokio::test]
async fn a_page_token_is_of_one_listing() {
    let app = App::with_registry().await;
    app.post(&format!("{P}/registries"), json!({"id": "reg2"})).await.ok();
    for id in ["aaa", "bbb", "ccc"] {
        app.create(json!({"id": id})).await.ok();
        app.post(&format!("{REG}2/devices"), json!({"id": id})).await.ok();
    }
    let next = async |uri: String| app.get(&uri).await.ok()["nextPageToken"].as_str().unwrap().to_owned();
    let token = next(format!("{REG}/devices?pageSize=1")).await;
    assert_eq!(ids(&app.get(&format!("{REG}/devices?pageSize=2&fieldMask=blocked&pageToken={token}")).await.ok()), ["bbb", "ccc"]);
    for other in ["2/devices?", "/devices?deviceIds=bbb&", "/devices?gatewayListOptions.gatewayType=GATEWAY&"] {
        let says = "is of another listing, with another parent or other filters: start the listing again without pageToken";
        app.get(&format!("{REG}{other}pageToken={token}")).await.invalid(says);
    }
    let named = next(format!("{REG}/devices?pageSize=1&deviceIds=ccc&deviceIds=aaa")).await;
    let page = app.get(&format!("{REG}/devices?deviceIds=aaa&deviceIds=ccc&pageToken={named}")).await.ok();
    assert_eq!(ids(&page), ["ccc"], "the same filter in another order");
    app.get(&format!("{REG}/devices?deviceIds=aaa&deviceIds=bbb&pageToken={named}")).await.invalid("another listing");
}

#[tokio::test]
async fn a_call_may_name_ten_thousand_ids_sent_as_googles_clients_send_long_queries() {
    let app = App::with_device().await;
    for (count, status) in [(10_000, 200), (10_001, 400)] {
        let request = axum::http::Request::builder()
            .method("POST")
            .uri(format!("{REG}/devices"))
            .header("authorization", format!("Bearer {}", crate::support::TOKEN))
            .header("x-http-method-override", "GET")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from("deviceIds=dev&".repeat(count)))
            .unwrap();
        assert_eq!(fixture::ask(&app.router, request).await.status, status);
    }
}
