//! Looking at an object: `objects.get` of the JSON API. The client library looks over gRPC, which no emulator speaks,
//! and its downloads do not say when an object was written.
//! Source: docs.cloud.google.com/storage/docs/json_api/v1/objects/get.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::objects::{ObjectInfo, ObjectName};
use domain::{PortError, Timestamp};
use google_cloud_auth::credentials::CacheableResource;
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::client::Client;
use super::error::{Doing, answered, with_causes};
use super::{PART, etag};

/// Attempts of one look. With the limit of each the answer comes within 16 seconds.
const ATTEMPTS: u32 = 3;
/// Before the second attempt; twice as long before the third.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Characters of an error's text that are kept.
const MAX_SAID: usize = 300;

/// The fields of the resource that count, all of them texts as JSON has 64-bit numbers.
#[derive(Deserialize)]
struct Resource {
    size: String,
    generation: String,
    crc32c: Option<String>,
    updated: String,
}

pub(super) async fn stat(client: &Client, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match once(client, name).await {
            Err(e) if e.is_retryable() => {}
            stands => return stands,
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    once(client, name).await
}

async fn once(client: &Client, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError> {
    let lost = |e: reqwest::Error| PortError::passing(PART, format!("`{name}`: {}", with_causes(&e)));
    let headers = match client.credentials.headers(Default::default()).await {
        Ok(CacheableResource::New { data, .. }) => data,
        Ok(CacheableResource::NotModified) => return Err(PortError::lasting(PART, "the credentials gave no header")),
        Err(e) if e.is_transient() => return Err(PortError::passing(PART, with_causes(&e))),
        Err(e) => return Err(PortError::lasting(PART, with_causes(&e))),
    };
    let response = client.http.get(url(client, name)?).headers(headers).send().await.map_err(lost)?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        status => return Err(answered(name, Doing::Reading, status.as_u16(), &said(response).await)),
    }
    let resource: Resource = response.json().await.map_err(lost)?;
    let odd = || PortError::lasting(PART, format!("`{name}`: the resource of Cloud Storage cannot be read"));
    resource.info().map(Some).ok_or_else(odd)
}

fn url(client: &Client, name: &ObjectName) -> Result<Url, PortError> {
    let odd = |e: &dyn std::fmt::Display| PortError::lasting(PART, format!("`{}` is no address of Cloud Storage: {e}", client.base));
    let mut url = Url::parse(&client.base).map_err(|e| odd(&e))?;
    // One segment: the slashes in an object's name are encoded.
    let path = ["storage", "v1", "b", name.bucket(), "o", name.object()];
    url.path_segments_mut().map_err(|()| odd(&"it has no path"))?.pop_if_empty().extend(path);
    url.query_pairs_mut().append_pair("fields", "size,generation,crc32c,updated");
    Ok(url)
}

async fn said(response: Response) -> String {
    let text = response.text().await.unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    json["error"]["message"].as_str().unwrap_or(&text).chars().take(MAX_SAID).flat_map(char::escape_debug).collect()
}

impl Resource {
    fn info(self) -> Option<ObjectInfo> {
        let generation = self.generation.parse().ok()?;
        let crc32c = match self.crc32c {
            Some(text) => Some(u32::from_be_bytes(STANDARD.decode(text).ok()?.try_into().ok()?)),
            None => None,
        };
        let updated = OffsetDateTime::parse(&self.updated, &Rfc3339).ok()?.unix_timestamp_nanos() / 1_000;
        let updated = Timestamp(i64::try_from(updated).ok()?);
        Some(ObjectInfo { size: self.size.parse().ok()?, generation, etag: etag(generation), crc32c, updated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_as_google_writes_it() {
        let text = r#"{"size":"5","generation":"1700000000000001","crc32c":"mnG7TA==","updated":"2026-11-20T12:00:00.123Z"}"#;
        let info = serde_json::from_str::<Resource>(text).unwrap().info().unwrap();
        let updated = Timestamp(1_795_176_000_123_000);
        let expected = ObjectInfo {
            size: 5,
            generation: 1_700_000_000_000_001,
            etag: "1700000000000001".into(),
            crc32c: Some(crc32c::crc32c(b"hello")),
            updated,
        };
        assert_eq!(info, expected);
        let odd = r#"{"size":"5","generation":"1","crc32c":"short","updated":"2026-11-20T12:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<Resource>(odd).unwrap().info(), None);
    }
}
