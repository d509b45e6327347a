//! An issuer and the stand-in that trusts it.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::ports::SigningKeys;
use infra_local::security_token_service::{Binding, Provider};
use infra_local::{FileSigningKeys, SecurityTokenService, SystemClock};
use serde_json::{Value, json};

pub(crate) const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool";
pub(crate) const ACCOUNT: &str = "fleet@p.iam.gserviceaccount.com";
pub(crate) const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
pub(crate) const IAM: &str = "https://www.googleapis.com/auth/iam";

pub(crate) fn provider() -> String {
    format!("//{POOL}/providers/devices")
}

pub(crate) fn now() -> i64 {
    Timestamp::from(SystemTime::now()).secs()
}

/// An issuer and the stand-in that trusts it, both on a socket.
pub(crate) struct Town {
    pub(crate) sts: Arc<SecurityTokenService>,
    pub(crate) at: String,
    pub(crate) issuer: String,
    pub(crate) keys: Arc<FileSigningKeys>,
    pub(crate) http: reqwest::Client,
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
    pub(crate) async fn new() -> Self {
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

    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": format!("https:{}", provider()), "sub": "26", "iat": now() - 10, "exp": now() + 1800,
            "project": "p-1", "location": "l", "registry": "reg", "device": "dev",
        })
    }

    /// Signed by the issuer, under a header with these changes.
    pub(crate) async fn signed(&self, claims: &Value, header: Value) -> String {
        let kid = self.keys.current().await.unwrap().kid;
        let mut head = json!({"alg": "ES256", "kid": kid});
        head.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let signature = self.keys.sign(&kid, signed.as_bytes()).await.unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) async fn form(&self, changes: &[(&str, &str)], subject: &str) -> (u16, Value) {
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

    pub(crate) async fn good(&self) -> String {
        let subject = self.signed(&self.claims(), json!({})).await;
        let (status, body) = self.form(&[], &subject).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn impersonate(&self, token: &str, account: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v1/projects/-/serviceAccounts/{account}:generateAccessToken", self.at);
        answer(self.http.post(url).bearer_auth(token).json(&body)).await
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}
