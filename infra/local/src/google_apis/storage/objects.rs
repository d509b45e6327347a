//! One object: what it is, its bytes, its end.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::objects::{ObjectInfo, ObjectName};
use domain::ports::ObjectStore as _;

use super::preconditions::Preconditions;
use super::{DELETE, GET, Params, Storage, failed, media, no_such_object, resource};
use crate::security_token_service::error::Google;

type Named = Path<(String, String)>;

pub(super) async fn get(
    State(storage): State<Storage>,
    Path((bucket, object)): Named,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Google> {
    let params = Params::of(&uri);
    let name = storage.admit(&headers, &bucket, &object, GET)?;
    if params.text("alt") == Some("media") {
        return media::send(&storage, &name, &params, &headers).await;
    }
    let info = stat(&storage, &name, &params).await?;
    Ok(Json(resource::object(&name, &info)).into_response())
}

/// Here the bytes, whatever `alt` says: clients always say `media`.
pub(super) async fn download(
    State(storage): State<Storage>,
    Path((bucket, object)): Named,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Google> {
    let name = storage.admit(&headers, &bucket, &object, GET)?;
    media::send(&storage, &name, &Params::of(&uri), &headers).await
}

pub(super) async fn delete(
    State(storage): State<Storage>,
    Path((bucket, object)): Named,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, Google> {
    let conditions = Preconditions::read(&Params::of(&uri))?;
    let name = storage.admit(&headers, &bucket, &object, DELETE)?;
    let wanted = conditions.of_delete();
    if storage.objects.delete(&name, wanted).await.map_err(failed)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    // Gone, or another by now.
    let found = storage.objects.stat(&name).await.map_err(failed)?;
    conditions.hold(found.map(|info| info.generation))?;
    Err(no_such_object(&name))
}

/// The object as it is, if the request's preconditions hold.
pub(super) async fn stat(storage: &Storage, name: &ObjectName, params: &Params) -> Result<ObjectInfo, Google> {
    let found = storage.objects.stat(name).await.map_err(failed)?;
    let conditions = Preconditions::read(params)?;
    // Who asks for what is not there learns that, whatever it demands of it.
    let info = found.ok_or_else(|| no_such_object(name))?;
    if conditions.hold(Some(info.generation))? { Ok(info) } else { Err(no_such_object(name)) }
}
