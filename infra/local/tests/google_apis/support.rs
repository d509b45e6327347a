//! Pub/Sub and Cloud Storage of the local stack on a socket, and service accounts with roles.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use domain::Timestamp;
use infra_local::security_token_service::{Binding, Policy, Provider, ServiceAccounts, policy};
use infra_local::{FolderObjects, GoogleApis, SecurityTokenService, SystemClock, TopicLog};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
pub(crate) const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.full_control";
pub(crate) const READ_STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_only";

/// An account of project `local`.
pub(crate) fn email(name: &str) -> String {
    format!("{name}@local.iam.gserviceaccount.com")
}

pub(crate) fn now() -> i64 {
    Timestamp::from(SystemTime::now()).secs()
}

pub(crate) struct Stack {
    pub(crate) at: String,
    pub(crate) http: reqwest::Client,
    pub(crate) folder: tempfile::TempDir,
    accounts: ServiceAccounts,
}

/// A service account with its key file.
pub(crate) struct Account<'a> {
    stack: &'a Stack,
    pub(crate) email: String,
    pub(crate) key: EncodingKey,
}

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// Status and what Google calls the reason.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let error = &self.json()["error"];
        let reason = error["details"][0]["reason"].as_str().or(error["errors"][0]["reason"].as_str());
        (self.status, reason.unwrap_or_default().to_owned())
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

impl Stack {
    /// With these roles: whose, which, where.
    pub(crate) async fn new(roles: &[(&str, &str, String)]) -> Self {
        let grant = |(name, role, on): &(&str, &str, String)| Binding::grant(role, &format!("serviceAccount:{}", email(name)), on).unwrap();
        let policy = roles.iter().map(grant).fold(Policy::of_project(&"local".parse().unwrap()), Policy::and);
        let folder = tempfile::tempdir().unwrap();
        let (clock, accounts) = (Arc::new(SystemClock), ServiceAccounts::open(&folder.path().join("accounts")).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let provider = "//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/p/providers/d";
        let provider = Provider::new(provider, &at, &Provider::DEVICE_MAPPING, "").unwrap();
        let sts = SecurityTokenService::with_accounts(provider, policy, Some(accounts.clone()), at.clone(), clock.clone()).unwrap();
        let topics = TopicLog::open(&folder.path().join("topics"), clock).unwrap();
        let objects = FolderObjects::open(&folder.path().join("objects")).unwrap();
        let apis = GoogleApis { access: sts.clone(), publisher: Arc::new(topics.clone()), topics: Some(topics), objects: Some(objects) };
        let router = apis.routes().merge(sts.clone().routes()).merge(sts.operator_routes());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { at, http: reqwest::Client::new(), folder, accounts }
    }

    pub(crate) fn account(&self, name: &str) -> Account<'_> {
        let file = self.accounts.make_key(&email(name).parse().unwrap(), &format!("{}/oauth2/token", self.at)).unwrap();
        let key = EncodingKey::from_rsa_pem(file["private_key"].as_str().unwrap().as_bytes()).unwrap();
        Account { stack: self, email: email(name), key }
    }

    /// A token of an account, for a scope.
    pub(crate) async fn token(&self, name: &str, scope: &str) -> String {
        let account = self.account(name);
        let answer = account.ask(&account.assertion(json!({"scope": scope}))).await;
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    pub(crate) fn request(&self, method: &str, path: &str, token: &str) -> RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.at) };
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url).bearer_auth(token)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request("GET", path, token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: impl Into<reqwest::Body>) -> Answer {
        send(self.request("POST", path, token).body(body)).await
    }

    /// Files that are neither whole nor gone.
    pub(crate) fn unfinished(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("objects/.uploads")).unwrap().count()
    }

    pub(crate) fn topics(&self) -> PathBuf {
        self.folder.path().join("topics")
    }
}

impl Account<'_> {
    /// Claims as Google's libraries make them for a token, with these changes.
    pub(crate) fn claims(&self, changes: Value) -> Value {
        let aud = format!("{}/oauth2/token", self.stack.at);
        let mut claims = json!({"iss": self.email, "sub": self.email, "aud": aud, "iat": now(), "exp": now() + 3600, "scope": PUBSUB});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub(crate) fn assertion(&self, changes: Value) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), &self.claims(changes), &self.key).unwrap()
    }

    pub(crate) async fn ask(&self, assertion: &str) -> Answer {
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.stack.http.post(format!("{}/oauth2/token", self.stack.at));
        send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }
}

/// `local` itself.
pub(crate) fn here() -> String {
    policy::project("local")
}
