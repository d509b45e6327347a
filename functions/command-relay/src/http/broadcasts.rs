//! One command to many devices.

use axum::Json;
use axum::extract::State;
use domain::broadcast::{NewBroadcast, parent};
use edge::{ApiError, JsonBody, Listing, PathParams, Query, decode_base64};
use serde_json::Value;

use super::commands::paged;
use crate::body::{BroadcastCommand, duration};
use crate::{Deps, step, view};

pub(super) async fn create(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<BroadcastCommand>,
) -> Result<Json<Value>, ApiError> {
    let registry = path.registry()?;
    let new = NewBroadcast {
        data: decode_base64("binary_data", &sent.binary_data)?,
        ttl: duration("ttl", sent.ttl.as_deref())?,
        per_second: sent.per_second(),
        subfolder: sent.subfolder,
        labels: sent.labels,
    };
    deps.check_registry(&registry).await?;
    let made = deps.book().create(&registry, new, (deps.random)()).await?;
    Ok(Json(view::broadcast(&registry, &made, deps.now())))
}

pub(super) async fn list(State(deps): State<Deps>, path: PathParams, query: Query) -> Result<Json<Value>, ApiError> {
    let registry = path.registry()?;
    deps.check_registry(&registry).await?;
    let listing = Listing::new(parent(&registry), "");
    let page = listing.page(&query)?;
    let found = deps.stores.broadcasts.list(listing.parent(), page.after.as_deref(), page.size).await?;
    let now = deps.now();
    let rows = found.items.iter().map(|(_, b)| view::broadcast(&registry, &b.value, now));
    Ok(Json(paged("broadcasts", rows.collect(), &listing.token(found.next.as_deref()))))
}

pub(super) async fn get(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    let registry = path.registry()?;
    let found = deps.book().get(&registry, &path.get("broadcast")?).await?;
    Ok(Json(view::broadcast(&registry, &found.value, deps.now())))
}

pub(super) async fn advance(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    let registry = path.registry()?;
    let after = step::advance(&deps, &registry, &path.get("broadcast")?).await?;
    Ok(Json(view::broadcast(&registry, &after, deps.now())))
}

pub(super) async fn cancel(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    let registry = path.registry()?;
    let canceled = deps.book().cancel(&registry, &path.get("broadcast")?).await?;
    Ok(Json(view::broadcast(&registry, &canceled, deps.now())))
}
