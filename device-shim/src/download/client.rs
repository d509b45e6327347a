//! One request: whom it trusts, whom it names, where it may be led.

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, IF_RANGE, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};

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
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    /// Whose token goes along.
    identity: Option<Identity>,
    clock: CloudClock,
}

impl Client {
    pub(super) fn new(config: Config, source: Source) -> Result<Self, DownloadError> {
        let clock = CloudClock::new(system_wall());
        // What the running shim learnt of the time; nothing is written there.
        let _known = ClockHistory::open(&config.data_dir, 0, &clock);
        let link = config.link;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::http_client(source.roots.as_deref(), &source.url, &clock)?)
            .connect_timeout(link.connect_timeout)
            .read_timeout(link.ack_timeout)
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
        let http = http.build().map_err(|e| DownloadError::Setup(chain(&e)))?;
        let identity = Identity::load(config.device, &config.private_key, link.token_life);
        let identity = if source.with_token { Some(identity?) } else { None };
        Ok(Self { http, url: source.url, identity, clock })
    }

    /// Asks for all from byte `from` on, if it still is what `etag` names; all of it when `from` is 0. `Ok(Err(why))` is a
    /// line that broke.
    pub(super) async fn ask(&self, from: u64, etag: Option<&str>) -> Result<Result<Response, String>, DownloadError> {
        let mut request = self.http.get(self.url.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some(identity) = &self.identity {
            let token = identity.token(&self.clock).map_err(|e| DownloadError::Setup(e.to_string()))?;
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|e| DownloadError::Setup(e.to_string()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(etag) = etag.filter(|_| from > 0) {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, format!("\"{etag}\""));
        }
        Ok(request.send().await.map_err(|e| chain(&e)))
    }

    /// Whether the device's clock was wrong, and is right now, by what a refusal says of the time.
    pub(super) fn learn(&self, refusal: &str) -> bool {
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
