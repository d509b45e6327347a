//! The stand-in for Google's token services, over HTTP: what it lets through and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::objects::Access;
use domain::ports::SigningKeys;
use infra_local::security_token_service::{Binding, Fault, Principal, Provider};
use infra_local::{FileSigningKeys, SecurityTokenService, SystemClock};
use serde_json::{Value, json};

const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool";
const ACCOUNT: &str = "fleet@p.iam.gserviceaccount.com";
const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
const IAM: &str = "https://www.googleapis.com/auth/iam";

fn provider() -> String {
    format!("//{POOL}/providers/devices")
}

fn now() -> i64 {
    Timestamp::from(SystemTime::now()).secs()
}

/// An issuer and the stand-in that trusts it, both on a socket.
struct Town {
    sts: Arc<SecurityTokenService>,
    at: String,
    issuer: String,
    keys: Arc<FileSigningKeys>,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

async fn serve(router: Router, listener: tokio::net::TcpListener) -> String {
    let at = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    at
}

async fn socket() -> tokio::net::TcpListener {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn issuer(url: &str, keys: Arc<FileSigningKeys>) -> Router {
    let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")});
    let jwks = async move || axum::Json(json!({"keys": keys.published().await.unwrap()}));
    Router::new().route("/.well-known/openid-configuration", get(async || axum::Json(discovery))).route("/jwks", get(jwks))
}

impl Town {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Arc::new(FileSigningKeys::open(&folder.path().join("keys.json"), Arc::new(SystemClock)).unwrap());
        let listener = socket().await;
        let url = format!("http://{}", listener.local_addr().unwrap());
        serve(issuer(&url, keys.clone()), listener).await;
        let condition = "attribute.registry == 'reg' && assertion.project != 'enemy'";
        let provider = Provider::new(&provider(), &url, &Provider::DEVICE_MAPPING, condition).unwrap();
        let binding = Binding::new(ACCOUNT, &format!("principalSet://{POOL}/attribute.device/dev")).unwrap();
        let sts = SecurityTokenService::new(provider, vec![binding], Arc::new(SystemClock)).unwrap();
        let at = serve(sts.clone().routes(), socket().await).await;
        Self { sts, at, issuer: url, keys, http: reqwest::Client::new(), _folder: folder }
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": format!("https:{}", provider()), "sub": "26", "iat": now() - 10, "exp": now() + 1800,
            "project": "p-1", "location": "l", "registry": "reg", "device": "dev",
        })
    }

    /// Signed by the issuer, under a header with these changes.
    async fn signed(&self, claims: &Value, header: Value) -> String {
        let kid = self.keys.current().await.unwrap().kid;
        let mut head = json!({"alg": "ES256", "kid": kid});
        head.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let signature = self.keys.sign(&kid, signed.as_bytes()).await.unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn form(&self, changes: &[(&str, &str)], subject: &str) -> (u16, Value) {
        let mut form = std::collections::BTreeMap::from([
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
            ("audience", provider()),
            ("scope", format!("{PUBSUB} {IAM}")),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token".into()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt".into()),
            ("subject_token", subject.into()),
        ]);
        form.extend(changes.iter().map(|(k, v)| (*k, (*v).to_owned())));
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(form).finish();
        let request = self.http.post(format!("{}/v1/token", self.at)).header("content-type", "application/x-www-form-urlencoded");
        answer(request.body(body)).await
    }

    async fn good(&self) -> String {
        let subject = self.signed(&self.claims(), json!({})).await;
        let (status, body) = self.form(&[], &subject).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn impersonate(&self, token: &str, account: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken", self.at);
        answer(self.http.post(url).bearer_auth(token).json(&body)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_subject_token_becomes_a_federated_token_for_the_rest_of_its_life() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    let (status, body) = town.form(&[], &subject).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")), "{body}");
    assert_eq!(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert!((1798..=1800).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
    let grant = town.sts.check(body["access_token"].as_str().unwrap()).unwrap();
    let Principal::Federated { subject, attributes, .. } = &grant.principal else { panic!("{grant:?}") };
    assert_eq!((subject.as_str(), attributes["attribute.registry"].as_str()), ("26", "reg"));
    assert_eq!(grant.principal.to_string(), format!("principal://{POOL}/subject/26"));
    assert!(grant.has_scope(&[PUBSUB]) && !grant.has_scope(&["https://www.googleapis.com/auth/cloud-platform"]));
}

#[tokio::test]
async fn json_in_camel_case_is_the_same_as_a_form() {
    let town = Town::new().await;
    let body = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": provider(), "scope": PUBSUB,
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "subjectTokenType": "urn:ietf:params:oauth:token-type:id_token",
        "subjectToken": town.signed(&town.claims(), json!({})).await,
    });
    let (status, body) = answer(town.http.post(format!("{}/v1/token", town.at)).json(&body)).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn claims_that_google_would_refuse_are_refused() {
    let town = Town::new().await;
    for (changes, error, says) in [
        (json!({"iss": "http://127.0.0.1:1"}), "invalid_grant", "issuer"),
        (json!({"aud": "https://example.org"}), "invalid_grant", "audience"),
        (json!({"aud": [format!("https:{}", provider())]}), "invalid_grant", "audience"),
        (json!({"iat": now() + 60}), "invalid_grant", "not yet valid"),
        (json!({"exp": now()}), "invalid_grant", "expired"),
        (json!({"exp": now() + 48 * 3600}), "invalid_grant", "the limit is 172800"),
        (json!({"exp": i64::MAX, "iat": i64::MIN}), "invalid_grant", "the limit is 172800"),
        (json!({"exp": "soon"}), "invalid_grant", "no `exp` claim"),
        (json!({"sub": null}), "invalid_grant", "google.subject"),
        (json!({"sub": "x".repeat(128)}), "invalid_grant", "128 bytes"),
        (json!({"registry": "other"}), "unauthorized_client", "attribute condition"),
        (json!({"project": "enemy"}), "unauthorized_client", "attribute condition"),
    ] {
        let mut claims = town.claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let (status, body) = town.form(&[], &town.signed(&claims, json!({})).await).await;
        assert_eq!((status, body["error"].as_str()), (400, Some(error)), "{changes}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains(says), "{changes}: {body}");
    }
}

#[tokio::test]
async fn signatures_are_checked_against_the_issuers_published_keys() {
    let town = Town::new().await;
    let good = town.signed(&town.claims(), json!({})).await;
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let stranger = Town::new().await;
    let kid = town.keys.current().await.unwrap().kid;
    let forged = stranger.signed(&town.claims(), json!({"kid": kid})).await;
    let unknown = stranger.signed(&town.claims(), json!({})).await;
    for (name, token, says) in [
        ("forged", forged, "signature"),
        ("unknown key", unknown, "No key"),
        ("no signature", format!("{signed}."), "signature"),
        ("other algorithm", town.signed(&town.claims(), json!({"alg": "RS256"})).await, "signature"),
        ("symmetric", town.signed(&town.claims(), json!({"alg": "HS256"})).await, "not supported"),
        ("none", town.signed(&town.claims(), json!({"alg": "none"})).await, "parsing"),
        ("no kid", town.signed(&town.claims(), json!({"kid": null})).await, "no `kid`"),
        ("nothing", String::new(), "parsing"),
        ("half", format!("{}.{signature}", &signed[..20]), "parsing"),
    ] {
        let (status, body) = town.form(&[], &token).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{name}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains(says), "{name}: {body}");
    }
}

#[tokio::test]
async fn parameters_are_checked() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    for (name, value, error) in [
        ("grant_type", "authorization_code", "unsupported_grant_type"),
        ("audience", "//iam.googleapis.com/projects/2", "invalid_target"),
        ("scope", "", "invalid_scope"),
        ("scope", "pubsub", "invalid_scope"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt", "invalid_request"),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request", "invalid_request"),
    ] {
        let (status, body) = town.form(&[(name, value)], &subject).await;
        assert_eq!((status, body["error"].as_str()), (400, Some(error)), "{name}={value}: {body}");
    }
}

#[tokio::test]
async fn a_service_account_opens_to_its_members_alone() {
    let town = Town::new().await;
    let token = town.good().await;
    let (status, body) = town.impersonate(&token, ACCOUNT, json!({"scope": [PUBSUB], "lifetime": "600s"})).await;
    assert_eq!(status, 200, "{body}");
    let grant = town.sts.check(body["accessToken"].as_str().unwrap()).unwrap();
    assert_eq!(grant.principal, Principal::ServiceAccount(ACCOUNT.into()));
    assert_eq!(body["expireTime"], grant.expires_at.to_string());
    let info = answer(town.http.get(format!("{}/tokeninfo?access_token={}", town.at, body["accessToken"].as_str().unwrap()))).await;
    assert_eq!((info.0, &info.1["email"], &info.1["scope"]), (200, &json!(ACCOUNT), &json!(PUBSUB)));
    let other = town.impersonate(&token, "other@p.iam.gserviceaccount.com", json!({"scope": [PUBSUB]})).await;
    assert_eq!((other.0, &other.1["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    for bad in [json!({}), json!({"scope": ["x"]}), json!({"scope": [PUBSUB], "lifetime": "3601s"}), json!([])] {
        let (status, body) = town.impersonate(&token, ACCOUNT, bad).await;
        assert_eq!((status, &body["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    }
    for stranger in ["", "x", &town.signed(&town.claims(), json!({})).await, &Town::new().await.good().await] {
        let (status, body) = town.impersonate(stranger, ACCOUNT, json!({"scope": [PUBSUB]})).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!(401)));
    }
    let subject = town.signed(&town.claims(), json!({})).await;
    let (_, weak) = town.form(&[("scope", PUBSUB)], &subject).await;
    let (status, body) = town.impersonate(weak["access_token"].as_str().unwrap(), ACCOUNT, json!({"scope": [PUBSUB]})).await;
    assert_eq!((status, &body["error"]["message"]), (403, &json!("Request had insufficient authentication scopes.")));
}

#[tokio::test]
async fn faults_happen_on_request_and_pass() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    town.sts.inject(Fault::Refuse, 1);
    town.sts.inject(Fault::Throttle(Some(Duration::from_secs(7))), 1);
    town.sts.inject(Fault::Fail(503), 2);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(town.form(&[], &subject).await.0);
    }
    assert_eq!(statuses, [403, 429, 503, 503, 200]);
    assert_eq!(town.sts.requests(), (5, 0));
}

#[test]
fn a_provider_that_is_not_understood_is_not_made() {
    let make = |name: &str, mapping: &[(&str, &str)], condition: &str| Provider::new(name, "http://x", mapping, condition).err();
    let subject = [("google.subject", "assertion.sub")];
    assert!(make(&provider(), &subject, "").is_none());
    assert!(make("//iam.googleapis.com/projects/1", &subject, "").is_some());
    assert!(make(&provider(), &[("attribute.x", "assertion.x")], "").unwrap().to_string().contains("no `google.subject`"));
    assert!(make(&provider(), &[("google.groups", "assertion.x")], "").unwrap().to_string().contains("`google.groups`"));
    assert!(make(&provider(), &subject, "true").unwrap().to_string().contains("`true` is not understood"));
}

#[tokio::test]
async fn a_token_behind_a_boundary_opens_its_objects_and_no_other_service() {
    let town = Town::new().await;
    let storage = "https://www.googleapis.com/auth/devstorage.read_write";
    let subject = town.signed(&town.claims(), json!({})).await;
    let (_, wide) = town.form(&[("scope", &format!("{storage} {PUBSUB}"))], &subject).await;
    let wide = wide["access_token"].as_str().unwrap();
    let options = json!({"accessBoundary": {"accessBoundaryRules": [{
        "availableResource": "//storage.googleapis.com/projects/_/buckets/files",
        "availablePermissions": ["inRole:roles/storage.legacyObjectReader"],
        "availabilityCondition": {"expression": "resource.name.startsWith('projects/_/buckets/files/objects/dev/')"},
    }]}});
    let access_token = [("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), ("options", &options.to_string())];
    let (status, narrow) = town.form(&access_token, wide).await;
    assert_eq!((status, narrow.get("expires_in")), (200, None), "{narrow}");
    let grant = town.sts.check(narrow["access_token"].as_str().unwrap()).unwrap();
    let before = town.sts.check(wide).unwrap();
    assert_eq!((&grant.principal, grant.expires_at), (&before.principal, before.expires_at));
    assert!(grant.allows_object("files", "dev/x", Access::Read) && !grant.allows_object("files", "dev2/x", Access::Read));
    assert!(!grant.allows_object("files", "dev/x", Access::Write) && before.allows_object("files", "dev2/x", Access::Write));
    assert!(grant.has_scope(&[storage]) && !grant.has_scope(&[PUBSUB]) && before.has_scope(&[PUBSUB]));
    for (subject, options) in [(narrow["access_token"].as_str().unwrap(), options.to_string()), (wide, "{}".into()), ("x", String::new())] {
        let (status, body) = town.form(&[access_token[0], ("options", &options)], subject).await;
        assert_eq!(status, 400, "{body}");
    }
}
