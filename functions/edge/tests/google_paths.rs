//! What every function gets from `google_paths`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use domain::PortError;
use edge::{AdminAuth, AdminToken, ApiError, Authority, Bearer, Code, JsonBody, PathParams, Query, Verdict, google_paths};
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn routes() -> Router {
    Router::new()
        .route("/v1/things/{thing}/~open", post(async |p: PathParams| p.get::<protocol::DeviceRef>("thing").map(|t| t.to_string())))
        .route("/v1/things/{thing}", get(async || "got"))
        .route("/v1/query", get(async |q: Query| q.all("deviceIds").count().to_string()))
        .route("/v1/body", post(async |JsonBody(body): JsonBody<Value, 32>| body.to_string()))
        .route("/v1/panic", get(async || -> &'static str { panic!("on purpose") }))
        .route("/v1/broken", get(async || ApiError::new(Code::Internal, "broken").caused_by(std::fmt::Error)))
}

async fn send(routes: Router, method: &str, uri: &str, body: &str) -> (StatusCode, HeaderMap, Value) {
    let request = Request::builder().method(method).uri(uri).header("x-request-id", "r-1").body(Body::from(body.to_owned())).unwrap();
    let response = google_paths(routes).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

#[tokio::test]
async fn a_verb_after_a_colon_is_routed() {
    let (status, headers, body) = send(routes(), "POST", "/v1/things/lamp-1:open?x=y:z", "").await;
    assert_eq!((status, body), (StatusCode::OK, json!("lamp-1")));
    assert_eq!(headers["x-request-id"], "r-1");
}

#[tokio::test]
async fn unknown_paths_verbs_and_methods_are_404_in_googles_shape() {
    for (method, uri) in [("GET", "/"), ("POST", "/v1/things/a:close"), ("POST", "/v1/things/a"), ("GET", "/v1/things/a:open")] {
        let (status, _, body) = send(routes(), method, uri, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{uri}");
        assert_eq!(body["error"]["status"], "NOT_FOUND");
        assert_eq!(body["error"]["code"], 404);
        assert_eq!(body["error"]["message"], format!("{method} {uri} is not part of this API"));
    }
}

#[tokio::test]
async fn a_panic_and_a_failure_are_answered() {
    let (status, headers, body) = send(routes(), "GET", "/v1/panic", "").await;
    assert_eq!((status, &body["error"]["status"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("INTERNAL")));
    assert!(headers.contains_key("x-request-id"));
    assert!(!body.to_string().contains("on purpose"), "the cause is for the log");
    let (status, _, body) = send(routes(), "GET", "/v1/broken", "").await;
    assert_eq!((status, &body["error"]["message"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("broken")));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit() {
    assert_eq!(send(routes(), "POST", "/v1/body", r#"{"a":[null]}"#).await.0, StatusCode::OK);
    let (status, _, body) = send(routes(), "POST", "/v1/body", &format!("{{\"a\":\"{}\"}}", "x".repeat(32))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("limit of 32 bytes"), "{body}");
}

#[tokio::test]
async fn a_name_that_breaks_its_rule_is_400_in_its_words() {
    let (status, _, body) = send(routes(), "POST", "/v1/things/1x:open", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error"]["message"].as_str().unwrap().contains("`1x`"), "{body}");
    assert_eq!(body["error"]["details"][0]["fieldViolations"][0]["field"], "name");
}

#[tokio::test]
async fn guarded_routes_want_the_token_and_unknown_paths_stay_unknown() {
    let guarded = || AdminAuth::Token(AdminToken::new("secret")).guard(routes());
    let (status, headers, body) = send(guarded(), "GET", "/v1/things/a", "").await;
    assert_eq!((status, &body["error"]["status"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
    assert_eq!(headers["www-authenticate"], "Bearer");
    assert_eq!(send(guarded(), "GET", "/v2", "").await.0, StatusCode::NOT_FOUND);
    for (header, expected) in [("Bearer secret", 200), ("bearer  secret", 200), ("Bearer wrong", 401), ("Basic secret", 401)] {
        let request = Request::builder().uri("/v1/things/a").header("authorization", header).body(Body::empty()).unwrap();
        assert_eq!(google_paths(guarded()).oneshot(request).await.unwrap().status(), expected, "{header}");
    }
}

#[tokio::test]
async fn a_get_may_come_as_a_post_with_its_query_as_the_body() {
    let body = "device_ids=dev-0000000001&".repeat(10_000);
    let request = Request::builder().method("POST").uri("/v1/query?deviceIds=a").header("x-http-method-override", "GET");
    let response = google_paths(routes()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(to_bytes(response.into_body(), 99).await.unwrap(), "10001");
    let request = Request::builder().method("POST").uri("/v1/query").body(Body::empty()).unwrap();
    assert_eq!(google_paths(routes()).oneshot(request).await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// Knows the token `member`, whose holder may read devices of one registry; `narrow` has another scope, `down` cannot be asked for.
struct OneMember;

#[async_trait::async_trait]
impl Authority for OneMember {
    async fn held(&self, token: &Bearer, permissions: &[&'static str], resource: &str) -> Result<Verdict, PortError> {
        let mine = if resource.starts_with("projects/p/locations/l/registries/mine/") { "cloudiot.devices.get" } else { "" };
        match token.token() {
            "member" => Ok(Verdict::Known(permissions.iter().copied().filter(|permission| *permission == mine).collect())),
            "narrow" => Ok(Verdict::OutOfScope),
            "down" => Err(PortError::passing("policies", "down")),
            _ => Ok(Verdict::Unknown),
        }
    }
}

#[tokio::test]
async fn an_access_token_opens_what_its_holder_may_and_the_admin_token_everything() {
    let device = "/v1/projects/{project}/locations/{location}/registries/{registry}/devices/{device}";
    let guarded = || {
        let routes = Router::new().route(device, get(async || "got").delete(async || "gone"));
        AdminAuth::Iam(AdminToken::new("secret"), std::sync::Arc::new(OneMember)).guard(routes)
    };
    let at = |registry: &str| format!("/v1/projects/p/locations/l/registries/{registry}/devices/lamp");
    for (method, registry, token, status, reason) in [
        ("GET", "mine", "secret", 200, ""),
        ("DELETE", "other", "secret", 200, ""),
        ("GET", "mine", "member", 200, ""),
        ("GET", "m%69ne", "member", 200, ""),
        ("GET", "m%2569ne", "member", 403, "IAM_PERMISSION_DENIED"),
        ("GET", "other", "member", 403, "IAM_PERMISSION_DENIED"),
        ("DELETE", "mine", "member", 403, "IAM_PERMISSION_DENIED"),
        ("GET", "mine", "narrow", 403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
        ("GET", "mine", "stranger", 401, ""),
        ("GET", "mine", "down", 503, ""),
    ] {
        let request = Request::builder().method(method).uri(at(registry)).header("authorization", format!("Bearer {token}"));
        let response = google_paths(guarded()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{method} {registry} {token}");
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 9999).await.unwrap()).unwrap_or_default();
        assert_eq!(body["error"]["details"][0]["reason"].as_str().unwrap_or_default(), reason, "{body}");
    }
}

#[tokio::test]
async fn who_is_known_is_recognised_whatever_they_may() {
    let recognised = async |auth: AdminAuth, header: &str| {
        let headers: HeaderMap = [(axum::http::header::AUTHORIZATION, header.parse().unwrap())].into_iter().collect();
        auth.recognise(&headers).await.map_err(|refused| refused.code())
    };
    let iam = || AdminAuth::Iam(AdminToken::new("secret"), std::sync::Arc::new(OneMember));
    for (token, expected) in [
        ("Bearer secret", Ok(())),
        ("Bearer member", Ok(())),
        ("Bearer narrow", Ok(())),
        ("Bearer stranger", Err(Code::Unauthenticated)),
        ("Basic secret", Err(Code::Unauthenticated)),
        ("Bearer down", Err(Code::Unavailable)),
    ] {
        assert_eq!(recognised(iam(), token).await, expected, "{token}");
    }
    let one_token = || AdminAuth::Token(AdminToken::new("secret"));
    assert_eq!(recognised(one_token(), "Bearer secret").await, Ok(()));
    assert_eq!(recognised(one_token(), "Bearer member").await, Err(Code::Unauthenticated));
}
