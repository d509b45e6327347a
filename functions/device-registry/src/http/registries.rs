//! Methods 1 to 5: registries.

use axum::Json;
use axum::extract::State;
use edge::{ApiError, JsonBody, Listing, PathParams, Query};
use serde_json::{Value, json};

use crate::convert::registry::to_pb;
use crate::mask::Mask;
use crate::{Deps, pb, registries};

pub(super) async fn create(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::DeviceRegistry>,
) -> Result<Json<pb::DeviceRegistry>, ApiError> {
    let registry = registries::create(&deps, path.get("project")?, path.get("location")?, &sent).await?;
    Ok(Json(to_pb(&registry)))
}

pub(super) async fn get(State(deps): State<Deps>, path: PathParams) -> Result<Json<pb::DeviceRegistry>, ApiError> {
    Ok(Json(to_pb(&registries::get(&deps, &path.registry()?).await?.value)))
}

pub(super) async fn list(
    State(deps): State<Deps>,
    path: PathParams,
    query: Query,
) -> Result<Json<pb::ListDeviceRegistriesResponse>, ApiError> {
    let listing = Listing::new(registries::parent(&path.get("project")?, &path.get("location")?), "");
    let listed = registries::list(&deps, listing.parent(), &listing.page(&query)?).await?;
    Ok(Json(pb::ListDeviceRegistriesResponse {
        device_registries: listed.items.iter().map(|(_, r)| to_pb(&r.value)).collect(),
        next_page_token: listing.token(listed.next.as_deref()),
    }))
}

pub(super) async fn update(
    State(deps): State<Deps>,
    path: PathParams,
    query: Query,
    JsonBody(sent): JsonBody<pb::DeviceRegistry>,
) -> Result<Json<pb::DeviceRegistry>, ApiError> {
    let mask = Mask::of_update(query.text("updateMask"), &registries::MUTABLE)?;
    let registry = registries::update(&deps, &path.registry()?, &sent, &mask).await?;
    Ok(Json(to_pb(&registry)))
}

pub(super) async fn delete(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    registries::delete(&deps, &path.registry()?).await?;
    Ok(Json(json!({})))
}
