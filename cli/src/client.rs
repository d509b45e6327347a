//! One request and its answer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::{Method, Url, redirect};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::curl;
use crate::error::{refused, unreachable};
use crate::flags::Paging;
use crate::profile::Administered;
use crate::resource::Resource;
use crate::secret::Secret;

/// A server that does not take the connection by now is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Longer than the server waits for a device to acknowledge a command.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The most that a server gives at once.
const MAX_PAGE: u32 = 500;

/// What the command relay answers, where it is not the registry's process: these verbs, and what is in these collections.
const RELAY_VERBS: [&str; 5] = ["sendCommandToDevice", "modifyCloudToDeviceConfig", "broadcastCommand", "advance", "cancel"];
const RELAY_COLLECTIONS: [&str; 2] = ["commands", "broadcasts"];

/// A request about a resource.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    about: Resource,
    path: Vec<String>,
    below: Option<&'static str>,
    verb: Option<&'static str>,
    query: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn new(method: Method, about: &Resource) -> Self {
        Self { method, about: about.clone(), path: about.segments().to_vec(), below: None, verb: None, query: Vec::new(), body: None }
    }

    pub(crate) fn get(about: &Resource) -> Self {
        Self::new(Method::GET, about)
    }

    /// Makes the resource: `body` goes to the collection that it will stand in.
    pub(crate) fn create(about: &Resource, body: Value) -> Self {
        let request = Self::new(Method::POST, about).body(body);
        let collection = about.segments().len().saturating_sub(1);
        Self { path: about.segments()[..collection].to_vec(), ..request }
    }

    /// Changes the fields of `mask` to what `body` says.
    pub(crate) fn patch(about: &Resource, mask: &[&str], body: Value) -> Self {
        Self::new(Method::PATCH, about).query("updateMask", mask.join(",")).body(body)
    }

    /// The collection under the resource.
    pub(crate) fn below(self, collection: &'static str) -> Self {
        Self { below: Some(collection), ..self }
    }

    /// A method that is a verb: `…/{device}:verb`.
    pub(crate) fn verb(self, verb: &'static str) -> Self {
        Self { verb: Some(verb), ..self }
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The function that answers it.
    fn endpoint<'a>(&self, at: &'a Administered) -> &'a Url {
        let mut collections = self.path.iter().step_by(2).map(String::as_str).chain(self.below);
        let is_relays = self.verb.is_some_and(|verb| RELAY_VERBS.contains(&verb)) || collections.any(|c| RELAY_COLLECTIONS.contains(&c));
        if is_relays { &at.relay } else { &at.registry }
    }

    fn url(&self, endpoint: &Url) -> Result<Url> {
        let mut url = endpoint.clone();
        let mut segments: Vec<&str> = self.path.iter().map(String::as_str).chain(self.below).collect();
        let with_verb = self.verb.and_then(|verb| Some(format!("{}:{verb}", segments.pop()?)));
        segments.extend(with_verb.as_deref());
        url.path_segments_mut().ok().context("the endpoint is no base of a path")?.pop_if_empty().push("v1").extend(segments);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// The token, and where it came from.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) source: String,
}

/// Sends requests, or prints them.
#[derive(Debug)]
pub(crate) struct Client {
    at: Administered,
    token: Option<Token>,
    /// Print the equivalent request instead of sending it.
    pub(crate) only_print: bool,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Client {
    pub(crate) fn new(at: Administered, token: Option<Token>, only_print: bool) -> Result<Self> {
        let http = http(&at.all())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { at, token, only_print, http, runtime })
    }

    /// The answer; `None` when the request was printed instead.
    pub(crate) fn send(&self, request: &Request) -> Result<Option<Value>> {
        let url = request.url(request.endpoint(&self.at))?;
        if self.only_print {
            crate::table::print(&curl::line(request, &url))?;
            return Ok(None);
        }
        self.runtime.block_on(self.exchange(request, url)).map(Some)
    }

    async fn exchange(&self, request: &Request, url: Url) -> Result<Value> {
        let endpoint = request.endpoint(&self.at).as_str().trim_end_matches('/');
        let lost = |e: reqwest::Error| unreachable(endpoint, &e);
        let mut call = self.http.request(request.method.clone(), url);
        if let Some(token) = &self.token {
            let header = token.secret.bearer().with_context(|| format!("the token of {} is no admin token", token.source))?;
            call = call.header(reqwest::header::AUTHORIZATION, header);
        }
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let answer = call.send().await.map_err(lost)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(lost)?;
        let source = self.token.as_ref().map(|t| t.source.as_str());
        if !status.is_success() {
            return Err(refused(status.as_u16(), &body, &request.about, source));
        }
        serde_json::from_slice(&body).map_err(|_| refused(status.as_u16(), &body, &request.about, source))
    }

    /// All rows that `paging` asks for, page by page; `None` when the first request was printed instead.
    pub(crate) fn list(&self, request: &Request, rows: &str, paging: &Paging) -> Result<Option<Vec<Value>>> {
        let limit = paging.limit.map_or(usize::MAX, |n| n as usize);
        let size = paging.page_size.unwrap_or(MAX_PAGE).min(paging.limit.unwrap_or(MAX_PAGE));
        let first = request.clone().query("pageSize", size.to_string());
        let (mut found, mut next) = (Vec::new(), first.clone());
        loop {
            let Some(mut page) = self.send(&next)? else { return Ok(None) };
            if let Value::Array(rows) = page[rows].take() {
                found.extend(rows);
            }
            let token = page["nextPageToken"].as_str().filter(|t| !t.is_empty());
            match token {
                Some(token) if found.len() < limit => next = first.clone().query("pageToken", token),
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(Some(found))
    }
}

/// A client for these endpoints. The token goes there and nowhere else: no redirect, and no proxy on the way to this machine.
pub(crate) fn http(endpoints: &[&Url]) -> Result<reqwest::Client> {
    let http = reqwest::Client::builder().connect_timeout(CONNECT_LIMIT).timeout(ANSWER_LIMIT).redirect(redirect::Policy::none());
    let http = if endpoints.iter().all(|at| is_loopback(at)) { http.no_proxy() } else { http };
    // Without TLS a machine needs no root certificates.
    let http = if endpoints.iter().all(|at| at.scheme() == "http") { http.tls_certs_only([]) } else { http };
    http.build().context("no HTTPS client: install ca-certificates, or name a file of them by SSL_CERT_FILE")
}

/// Whether the endpoint is on this machine.
pub(crate) fn is_loopback(endpoint: &Url) -> bool {
    let host = endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
