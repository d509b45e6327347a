//! Sends a request, and reads its answer.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::call::{Body, Call};
use super::refusal::{lost, refused};
use crate::client::{ANSWER_LIMIT, http};
use crate::error::usage;

/// For a file there or back. A line of 100 kB/s brings 350 MB in it.
const FILE_LIMIT: Duration = Duration::from_secs(3600);
/// Of an answer that is JSON; the largest that these services give is a token's 12 KiB.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Sends requests, one after the other.
#[derive(Debug)]
pub(super) struct Sender(Runtime);

impl Sender {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(tokio::runtime::Builder::new_current_thread().enable_all().build()?))
    }

    /// The answer as JSON; an empty one is null.
    pub(super) fn json(&self, call: &Call<'_>) -> Result<Value> {
        self.0.block_on(async {
            let limit = if matches!(call.body, Body::File(_)) { FILE_LIMIT } else { ANSWER_LIMIT };
            let mut answer = send(call, limit).await?;
            let body = read_bounded(&mut answer, call).await?;
            if body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(&body).map_err(|_| refused(call, answer.status().as_u16(), &body))
        })
    }

    /// Hands the bytes of the answer on as they come; answers the values of its `x-goog-hash`.
    pub(super) fn download(&self, call: &Call<'_>, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Vec<String>> {
        self.0.block_on(async {
            let mut answer = send(call, FILE_LIMIT).await?;
            let hashes = answer.headers().get_all("x-goog-hash").iter();
            let hashes = hashes
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .map(|hash| hash.trim().to_owned())
                .collect();
            while let Some(chunk) = answer.chunk().await.map_err(|e| lost(call, &e))? {
                take(&chunk)?;
            }
            Ok(hashes)
        })
    }
}

/// An answer that is 2xx.
async fn send(call: &Call<'_>, limit: Duration) -> Result<Response> {
    let bearer = call
        .token
        .secret
        .bearer()
        .with_context(|| format!("{} is no token: it holds characters that no header may", call.token.variable))?;
    let request = http(&[&call.url])?.request(call.method.clone(), call.url.clone()).timeout(limit);
    // What is stored is what is verified.
    let request = request.header(AUTHORIZATION, bearer).header(ACCEPT_ENCODING, "identity");
    let mut answer = with_body(request, &call.body).await?.send().await.map_err(|e| lost(call, &e))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let body = read_bounded(&mut answer, call).await?;
    Err(refused(call, answer.status().as_u16(), &body))
}

async fn with_body(request: RequestBuilder, body: &Body) -> Result<RequestBuilder> {
    Ok(match body {
        Body::Empty => request,
        Body::Form(fields) => request.form(fields),
        Body::Json(body) => request.json(body),
        Body::File(path) => {
            let unreadable = |e: std::io::Error| usage(format!("file {}: {e}", path.display()));
            let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
            let length = file.metadata().await.map_err(unreadable)?.len();
            request.header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length).body(file)
        }
    })
}

async fn read_bounded(answer: &mut Response, call: &Call<'_>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| lost(call, &e))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            anyhow::bail!("{} at {} answers more than {MAX_ANSWER_BYTES} bytes: is it that service?", call.service, call.place());
        }
    }
    Ok(body)
}
