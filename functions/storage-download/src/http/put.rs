//! PUT: a device's own file, whole or not at all.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use domain::objects::{Interruption, ObjectInfo, ObjectName, Upload, Uploaded};
use edge::{ApiError, Code};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::admit::Admitted;
use super::headers;
use crate::Deps;

pub(super) async fn put(
    State(deps): State<Deps>,
    Admitted { device, object }: Admitted,
    sent: HeaderMap,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let stored = store(&deps, &object, &sent, body).await;
    if let Err(error) = &stored
        && !error.code().is_ours()
    {
        deps.device_errors().note(&device, error).await;
    }
    stored.map(|info| Json(resource(&object, &info)))
}

async fn store(deps: &Deps, object: &ObjectName, sent: &HeaderMap, body: Body) -> Result<ObjectInfo, ApiError> {
    if sent.contains_key(header::CONTENT_RANGE) {
        return Err(ApiError::invalid("content_range", "an upload must be whole: `content-range` is not taken"));
    }
    let crc32c = headers::announced_crc32c(sent)?;
    let limit = deps.max_upload_bytes;
    let length = sent.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length.filter(|length| *length > limit) {
        return Err(ApiError::invalid("content_length", format!("an upload of {length} bytes exceeds the limit of {limit} bytes")));
    }
    match deps.objects.write(object, bounded(body, limit), crc32c).await? {
        Uploaded::Stored(info) => Ok(info),
        Uploaded::Interrupted(why @ Interruption::TooLarge { .. }) => Err(ApiError::invalid("", why.to_string())),
        Uploaded::Interrupted(why @ Interruption::Cut(_)) => Err(ApiError::new(Code::Cancelled, why.to_string())),
        Uploaded::Mismatch { arrived } => {
            let (arrived, announced) = (headers::crc32c_text(arrived), headers::crc32c_text(crc32c.unwrap_or_default()));
            Err(ApiError::invalid(
                "x_goog_hash",
                format!("what arrived has crc32c={arrived}, announced was crc32c={announced}: send it again"),
            ))
        }
    }
}

/// The body as it arrives, ended when more than `limit` bytes come.
fn bounded(body: Body, limit: u64) -> Upload {
    let counted = body.into_data_stream().scan(0_u64, move |taken, chunk| {
        let chunk = chunk.map_err(|e| Interruption::Cut(e.to_string()));
        let checked = chunk.and_then(|chunk| {
            *taken += chunk.len() as u64;
            if *taken > limit { Err(Interruption::TooLarge { limit }) } else { Ok(chunk) }
        });
        std::future::ready(Some(checked))
    });
    counted.boxed()
}

/// The object's resource as the JSON API of Cloud Storage shows it.
fn resource(name: &ObjectName, info: &ObjectInfo) -> Value {
    let mut resource = json!({
        "kind": "storage#object",
        "bucket": name.bucket(),
        "name": name.object(),
        "size": info.size.to_string(),
        "generation": info.generation.to_string(),
        "etag": info.etag,
        "updated": info.updated.to_string(),
    });
    if let Some(crc32c) = info.crc32c {
        resource["crc32c"] = headers::crc32c_text(crc32c).into();
    }
    resource
}
