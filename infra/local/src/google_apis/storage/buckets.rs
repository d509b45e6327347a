//! Buckets: folders. Nothing about them is kept but their name.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use domain::objects::ObjectName;
use serde::Deserialize;
use serde_json::Value;

use super::{Params, READ_SCOPES, SERVICE, Storage, WRITE_SCOPES, failed, resource};
use crate::google_apis::access;
use crate::objects::BucketRemoved;
use crate::security_token_service::error::Google;
use crate::security_token_service::{Ask, policy};

/// Largest description of a bucket in bytes.
const BODY_LIMIT: usize = 64 * 1024;

#[derive(Deserialize)]
struct Sent {
    name: String,
}

impl Storage {
    fn admit_bucket(&self, headers: &HeaderMap, permission: &str, resource: &str) -> Result<(), Google> {
        let scopes = if permission == "storage.buckets.get" { &READ_SCOPES[..] } else { &WRITE_SCOPES[..] };
        let grant = access::admit(&self.access, headers, &Ask { service: SERVICE, scopes, permission, resource })?;
        // An access boundary names objects; a bucket itself is beyond all of them.
        if grant.boundary.is_some() {
            return Err(Google::no_role(&format!("{} behind its access boundary", grant.principal), permission, resource));
        }
        Ok(())
    }
}

pub(super) async fn insert(State(storage): State<Storage>, uri: Uri, headers: HeaderMap, body: Body) -> Result<Json<Value>, Google> {
    let params = Params::of(&uri);
    let project = params.text("project").ok_or_else(|| Google::invalid("Required parameter: project"))?;
    storage.admit_bucket(&headers, "storage.buckets.create", &policy::project(project))?;
    let body = to_bytes(body, BODY_LIMIT).await.map_err(|e| Google::invalid(e.to_string()))?;
    let sent: Sent = serde_json::from_slice(&body).map_err(|e| Google::invalid(format!("Invalid JSON payload received. {e}")))?;
    check(&sent.name)?;
    if !storage.objects.create_bucket(&sent.name).await.map_err(failed)? {
        return Err(Google::conflict(format!(
            "Your previous request to create the named bucket succeeded and you already own it: {}",
            sent.name
        )));
    }
    Ok(Json(resource::bucket(&sent.name)))
}

pub(super) async fn get(State(storage): State<Storage>, Path(bucket): Path<String>, headers: HeaderMap) -> Result<Json<Value>, Google> {
    storage.admit_bucket(&headers, "storage.buckets.get", &policy::bucket(&bucket))?;
    check(&bucket)?;
    if storage.objects.has_bucket(&bucket).await.map_err(failed)? { Ok(Json(resource::bucket(&bucket))) } else { Err(absent()) }
}

pub(super) async fn delete(State(storage): State<Storage>, Path(bucket): Path<String>, headers: HeaderMap) -> Result<StatusCode, Google> {
    storage.admit_bucket(&headers, "storage.buckets.delete", &policy::bucket(&bucket))?;
    check(&bucket)?;
    match storage.objects.delete_bucket(&bucket).await.map_err(failed)? {
        BucketRemoved::Removed => Ok(StatusCode::NO_CONTENT),
        BucketRemoved::Absent => Err(absent()),
        BucketRemoved::NotEmpty => Err(Google::conflict("The bucket you tried to delete is not empty.")),
    }
}

/// A bucket's name is good when an object in it has one.
fn check(bucket: &str) -> Result<(), Google> {
    ObjectName::try_new(bucket, "object").map(|_| ()).map_err(|e| Google::invalid(e.to_string()))
}

fn absent() -> Google {
    Google::not_found("The specified bucket does not exist.")
}
