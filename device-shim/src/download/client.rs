//! One request: whom it trusts, whom it names, where it may be led.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HeaderValue, IF_RANGE, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response, Url};

use super::DownloadError;
use super::source::Source;
use crate::clock::history::ClockHistory;
use crate::clock::{CloudClock, system_wall, time_in_refusal};
use crate::config::Config;
use crate::identity::Identity;
use crate::link::mqtt::tls;

/// To the cloud, from there to the store.
const MAX_REDIRECTS: usize = 3;

/// Asks one source.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    /// Whose token goes along.
    identity: Option<Identity>,
    clock: CloudClock,
}

impl Client {
    /// One whose answers must keep coming.
    pub(crate) fn new(config: Config, source: Source) -> Result<Self, DownloadError> {
        let read_timeout = Some(config.link.ack_timeout);
        Self::build(config, source, read_timeout)
    }

    /// One whose answers may wait until all has been sent.
    pub(crate) fn for_upload(config: Config, source: Source) -> Result<Self, DownloadError> {
        Self::build(config, source, None)
    }

    fn build(config: Config, source: Source, read_timeout: Option<Duration>) -> Result<Self, DownloadError> {
        let clock = CloudClock::new(system_wall());
        // What the running shim learnt of the time; nothing is written there.
        let _known = ClockHistory::open(&config.data_dir, 0, &clock);
        let link = config.link;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::http_client(source.roots.as_deref(), &source.url, &clock)?)
            .connect_timeout(link.connect_timeout)
            .redirect(Policy::custom(|attempt| {
                let is_downgrade = attempt.url().scheme() == "http" && attempt.previous().iter().any(|url| url.scheme() == "https");
                if is_downgrade {
                    return attempt.error("the server leads from https to http");
                }
                if attempt.previous().len() > MAX_REDIRECTS { attempt.error("the server leads on and on") } else { attempt.follow() }
            }))
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd();
        let http = read_timeout.into_iter().fold(http, reqwest::ClientBuilder::read_timeout);
        let http = http.build().map_err(|e| DownloadError::Setup(chain(&e)))?;
        let identity = Identity::load(config.device, &config.private_key, link.token_life);
        let identity = if source.with_token { Some(identity?) } else { None };
        Ok(Self { http, url: source.url, identity, clock })
    }

    /// Sends `body` of `size` bytes to be the object; with `crc32c`, to be taken only if it has that. `Ok(Err(why))` is a
    /// line that broke.
    pub(crate) async fn put(&self, body: Body, size: u64, crc32c: Option<u32>) -> Result<Result<Response, String>, DownloadError> {
        let mut request = self.http.put(self.url.clone()).header(CONTENT_LENGTH, size);
        if let Some(crc32c) = crc32c {
            request = request.header("x-goog-hash", format!("crc32c={}", STANDARD.encode(crc32c.to_be_bytes())));
        }
        Ok(self.with_token(request)?.body(body).send().await.map_err(|e| chain(&e)))
    }

    fn with_token(&self, request: RequestBuilder) -> Result<RequestBuilder, DownloadError> {
        let Some(identity) = &self.identity else { return Ok(request) };
        let token = identity.token(&self.clock).map_err(|e| DownloadError::Setup(e.to_string()))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|e| DownloadError::Setup(e.to_string()))?;
        value.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, value))
    }

    /// Asks for all from byte `from` on, if it still is what `etag` names; all of it when `from` is 0. `Ok(Err(why))` is a
    /// line that broke.
    pub(super) async fn ask(&self, from: u64, etag: Option<&str>) -> Result<Result<Response, String>, DownloadError> {
        let request = self.http.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        let mut request = self.with_token(request)?;
        if let Some(etag) = etag.filter(|_| from > 0) {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, format!("\"{etag}\""));
        }
        Ok(request.send().await.map_err(|e| chain(&e)))
    }

    /// Whether the device's clock was wrong, and is right now, by what a refusal says of the time.
    pub(crate) fn learn(&self, refusal: &str) -> bool {
        time_in_refusal(refusal).is_some_and(|ms| self.clock.learn(ms))
    }
}

/// An error with its causes; reqwest's own text stops before the reason. The URL, which may be signed, is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let said = cause.to_string();
        let said = said.split(" for url (").next().unwrap_or_default();
        if !text.contains(said) {
            text = if text.is_empty() { said.into() } else { format!("{text}: {said}") };
        }
        next = cause.source();
    }
    text
}
