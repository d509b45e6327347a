//! The issuer's keys, fetched as Google fetches them: discovery, then the JWK set that it names.

use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// How long a set is used.
const KEPT: Duration = Duration::from_secs(60);
/// An unknown key makes us fetch again, but not more often: anybody may send us one.
const FETCH_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How long the issuer may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Largest document.
const MAX_BYTES: usize = 256 * 1024;

pub(super) struct IssuerKeys {
    issuer: String,
    http: reqwest::Client,
    kept: Mutex<Option<(Instant, JwkSet)>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl IssuerKeys {
    pub(super) fn new(issuer: &str) -> reqwest::Result<Self> {
        let builder = reqwest::Client::builder().timeout(TIME_LIMIT);
        // Reading the system's roots takes 50 ms, and fails where there are none; without TLS nobody needs them.
        let builder = if issuer.starts_with("http://") { builder.tls_certs_only([]) } else { builder };
        let http = builder.build()?;
        Ok(Self { issuer: issuer.to_owned(), http, kept: Mutex::default() })
    }

    /// The key called `kid`; `Ok(None)` when the issuer has no such key, `Err` when it could not be asked.
    pub(super) async fn find(&self, kid: &str) -> Result<Option<Jwk>, String> {
        let mut kept = self.kept.lock().await;
        if let Some((fetched, set)) = kept.as_ref() {
            let found = set.find(kid);
            let limit = if found.is_some() { KEPT } else { FETCH_AT_MOST_EVERY };
            if fetched.elapsed() < limit {
                return Ok(found.cloned());
            }
        }
        let set = self.fetch().await?;
        let found = set.find(kid).cloned();
        *kept = Some((Instant::now(), set));
        Ok(found)
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        let discovery: Discovery = self.get(&format!("{}/.well-known/openid-configuration", self.issuer)).await?;
        if discovery.issuer != self.issuer {
            return Err(format!("the issuer at {} calls itself {}", self.issuer, discovery.issuer));
        }
        self.get(&discovery.jwks_uri).await
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, String> {
        let failed = |e: reqwest::Error| format!("{url}: {e}");
        let mut response = self.http.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(format!("{url}: more than {MAX_BYTES} bytes"));
            }
        }
        serde_json::from_slice(&body).map_err(|e| format!("{url}: {e}"))
    }
}
