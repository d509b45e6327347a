//! Commands to one device: at once, or with `ttl` when it is back.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::command::{self, CommandRecord, NewCommand, Recipient};
use domain::ports::{Command, Delivery, Page};
use domain::{DeviceKey, PortError};
use edge::{ApiError, Code, JsonBody, Listing, PageRequest, PathParams, Query, decode_base64};
use serde_json::{Map, Value, json};

use crate::body::{SendCommand, duration};
use crate::{Deps, view};

/// A request that takes a command begins no delivery after this long, so that with the 30 s of a PUBACK it ends within a
/// minute. What is left goes on at the device's next SUBSCRIBE, or with the next command.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn send(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<SendCommand>,
) -> Result<Json<Value>, ApiError> {
    let data = decode_base64("binary_data", &sent.binary_data)?;
    let ttl = duration("ttl", sent.ttl.as_deref())?;
    command::check(&data, &sent.subfolder)?;
    let name = path.device()?;
    if let Some(ttl) = ttl {
        let to = deps.recipient(&name).await?;
        deps.commands.check(&to.key)?;
        let new = NewCommand { id: None, subfolder: sent.subfolder, data, ttl };
        let taken = take(&deps, &to, new).await?;
        return Ok(Json(view::command(&to, &taken)));
    }
    let command = Command { id: None, subfolder: sent.subfolder, data: data.into() };
    let to = deps.addressed(&name).await?;
    if let Err(why) = deps.commands.check(&to) {
        deps.recipient(&name).await?;
        return Err(why.into());
    }
    let delivery = deps.commands.deliver(&to, command).await?;
    if delivery == Delivery::NotConnected {
        // Who has no session may not exist.
        deps.recipient(&name).await?;
    }
    answer(&to, delivery)
}

/// Takes a command, tries to send what waits, and answers what is known then.
async fn take(deps: &Deps, to: &Recipient, new: NewCommand) -> Result<CommandRecord, ApiError> {
    let (queue, until) = (deps.queue(), deps.now() + BEGINS_WITHIN);
    let taken = queue.take(to, new, (deps.random)()).await?;
    if let Err(e) = queue.drain(to, Some(until)).await {
        tracing::warn!(device = %to.key, error = %e, "A command to `{}` waits, because sending it failed: {e}", to.key);
    }
    // Taken is taken: that it cannot be looked at again is no failure of the caller's request.
    Ok(queue.get(to, &taken.id).await.map_or(taken, |found| found.value))
}

/// Programs look for the words "is not subscribed to the commands topic", connected or not.
fn answer(device: &DeviceKey, delivery: Delivery) -> Result<Json<Value>, ApiError> {
    let id = &device.id;
    let (code, text) = match delivery {
        Delivery::Acknowledged | Delivery::Delivered => return Ok(Json(json!({}))),
        Delivery::NotSubscribed => (Code::FailedPrecondition, format!("device `{id}` is not subscribed to the commands topic")),
        Delivery::NotConnected => {
            (Code::FailedPrecondition, format!("device `{id}` is not connected: `{id}` is not subscribed to the commands topic"))
        }
        Delivery::Refused => (Code::FailedPrecondition, format!("device `{id}` refused the command")),
        Delivery::Busy => (
            Code::ResourceExhausted,
            format!("device `{id}` has not acknowledged the commands before this one, and takes no more until then"),
        ),
        Delivery::Lost => (Code::DeadlineExceeded, format!("device `{id}` lost its connection before it acknowledged the command")),
        Delivery::TimedOut => (Code::DeadlineExceeded, format!("device `{id}` did not acknowledge the command in time")),
    };
    Err(ApiError::new(code, text))
}

pub(super) async fn list(State(deps): State<Deps>, path: PathParams, query: Query) -> Result<Json<Value>, ApiError> {
    let to = deps.recipient(&path.device()?).await?;
    let listing = Listing::new(to.parent(), "");
    let found = records(&deps, listing.parent(), &listing.page(&query)?).await?;
    let now = deps.now();
    let rows = found.items.into_iter().map(|(_, c)| view::command(&to, &c.value.at(now)));
    Ok(Json(paged("commands", rows.collect(), &listing.token(found.next.as_deref()))))
}

async fn records(deps: &Deps, parent: &str, page: &PageRequest) -> Result<Page<CommandRecord>, PortError> {
    deps.stores.commands.list(parent, page.after.as_deref(), page.size).await
}

/// A page of a list; proto3 JSON leaves out what is empty.
pub(super) fn paged(rows_name: &str, rows: Vec<Value>, next: &str) -> Value {
    let mut answer = Map::new();
    if !rows.is_empty() {
        answer.insert(rows_name.into(), rows.into());
    }
    if !next.is_empty() {
        answer.insert("nextPageToken".into(), next.into());
    }
    answer.into()
}

pub(super) async fn get(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    let to = deps.recipient(&path.device()?).await?;
    let found = deps.queue().get(&to, &path.get("command")?).await?;
    Ok(Json(view::command(&to, &found.value)))
}

pub(super) async fn cancel(State(deps): State<Deps>, path: PathParams) -> Result<Json<Value>, ApiError> {
    let to = deps.recipient(&path.device()?).await?;
    deps.queue().cancel(&to, &path.get("command")?).await?;
    Ok(Json(json!({})))
}
