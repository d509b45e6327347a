//! Cloud Storage, JSON API. Source: cloud.google.com/storage/docs/json_api/v1.

mod buckets;
mod content_range;
mod media;
mod multipart;
mod objects;
mod preconditions;
mod resource;
mod sessions;
mod upload;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Uri};
use axum::routing::{get, post};
use domain::PortError;
use domain::objects::{Access, ObjectName};

use super::access;
use crate::security_token_service::error::Google;
use crate::security_token_service::{Ask, policy};
use crate::{FolderObjects, SecurityTokenService};
use sessions::Sessions;

const SERVICE: &str = "storage.googleapis.com";
const WRITE_SCOPES: [&str; 3] = [
    "https://www.googleapis.com/auth/devstorage.full_control",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/cloud-platform",
];
const READ_SCOPES: [&str; 5] = [
    WRITE_SCOPES[0],
    WRITE_SCOPES[1],
    WRITE_SCOPES[2],
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/cloud-platform.read-only",
];

#[derive(Clone)]
struct Storage {
    access: Arc<SecurityTokenService>,
    objects: FolderObjects,
    sessions: Arc<Sessions>,
}

pub(super) fn routes(access: Arc<SecurityTokenService>, objects: FolderObjects) -> Router {
    const UPLOAD: &str = "/upload/storage/v1/b/{bucket}/o";
    Router::new()
        .route("/storage/v1/b", post(buckets::insert))
        .route("/storage/v1/b/{bucket}", get(buckets::get).delete(buckets::delete))
        .route("/storage/v1/b/{bucket}/o/{object}", get(objects::get).delete(objects::delete))
        .route("/download/storage/v1/b/{bucket}/o/{object}", get(objects::download))
        .route(UPLOAD, post(upload::begin).put(upload::resume))
        .with_state(Storage { access, objects, sessions: Arc::default() })
}

impl Storage {
    /// The object, once its name is one and the caller may do this to it.
    fn admit(&self, headers: &HeaderMap, bucket: &str, object: &str, permission: &str) -> Result<ObjectName, Google> {
        let wanted = if permission == GET { Access::Read } else { Access::Write };
        let scopes = if permission == GET { &READ_SCOPES[..] } else { &WRITE_SCOPES[..] };
        let resource = policy::object(bucket, object);
        let grant = access::admit(&self.access, headers, &Ask { service: SERVICE, scopes, permission, resource: &resource })?;
        if !grant.allows_object(bucket, object, wanted) {
            return Err(Google::no_role(&format!("{} behind its access boundary", grant.principal), permission, &resource));
        }
        ObjectName::try_new(bucket, object).map_err(|e| Google::invalid(e.to_string()))
    }
}

const GET: &str = "storage.objects.get";
const CREATE: &str = "storage.objects.create";
const DELETE: &str = "storage.objects.delete";

/// The parameters of a URL; the last of a name counts.
struct Params(HashMap<String, String>);

impl Params {
    fn of(uri: &Uri) -> Self {
        Self(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
    fn number(&self, name: &str) -> Result<Option<u64>, Google> {
        let read = |text: &str| text.parse().map_err(|_| Google::invalid(format!("Invalid value for {name}: `{}`", text.escape_debug())));
        self.text(name).map(read).transpose()
    }
}

fn failed(e: PortError) -> Google {
    tracing::error!(error = %e, "Cloud Storage of the local stack failed: {e}");
    Google::unavailable(format!("the {} are not available at the moment, try again", e.part))
}

fn no_such_object(name: &ObjectName) -> Google {
    Google::not_found(format!("No such object: {}/{}", name.bucket(), name.object()))
}
