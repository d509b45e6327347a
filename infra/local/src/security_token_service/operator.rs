//! `/v1/tokenServiceFaults`: an operator tries out what happens when Google's token services refuse, throttle or stall.
//! Who may is for the caller of [`SecurityTokenService::operator_routes`] to see to.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Google;
use super::faults::{Fault, MAX_WAITING};
use super::{BODY_LIMIT, SecurityTokenService};

/// A stall longer than any client waits says nothing more.
const MAX_STALL_MILLIS: u64 = 600_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wish {
    fault: Kind,
    times: Option<usize>,
    retry_after_secs: Option<u64>,
    status: Option<u16>,
    stall_millis: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Refuse,
    Throttle,
    Fail,
    Garble,
    Stall,
}

impl SecurityTokenService {
    /// The path by which faults are asked for: POST adds, GET counts, DELETE takes back what has not happened yet.
    pub fn operator_routes(self: Arc<Self>) -> Router {
        Router::new().route("/v1/tokenServiceFaults", post(add).get(count).delete(clear)).with_state(self)
    }
}

async fn add(State(sts): State<Arc<SecurityTokenService>>, body: Body) -> Result<Json<Value>, Google> {
    let body = to_bytes(body, BODY_LIMIT).await.map_err(|e| Google::invalid(e.to_string()))?;
    let wish: Wish = serde_json::from_slice(&body).map_err(|e| Google::invalid(format!("Invalid JSON payload received. {e}")))?;
    let times = wish.times.unwrap_or(1);
    let room = MAX_WAITING - sts.faults.waiting().min(MAX_WAITING);
    if !(1..=room).contains(&times) {
        return Err(Google::invalid(format!("times {times} is not between 1 and {room}, of {MAX_WAITING} faults that may wait")));
    }
    sts.inject(fault(&wish)?, times);
    Ok(count(State(sts)).await)
}

fn fault(wish: &Wish) -> Result<Fault, Google> {
    Ok(match wish.fault {
        Kind::Refuse => Fault::Refuse,
        Kind::Throttle => Fault::Throttle(wish.retry_after_secs.map(Duration::from_secs)),
        Kind::Garble => Fault::Garble,
        Kind::Fail => match wish.status.unwrap_or(500) {
            status @ 400..=599 => Fault::Fail(status),
            other => return Err(Google::invalid(format!("status {other} is not between 400 and 599"))),
        },
        Kind::Stall => match wish.stall_millis.ok_or_else(|| Google::invalid("stall needs stallMillis"))? {
            millis @ 1..=MAX_STALL_MILLIS => Fault::Stall(Duration::from_millis(millis)),
            other => return Err(Google::invalid(format!("stallMillis {other} is not between 1 and {MAX_STALL_MILLIS}"))),
        },
    })
}

async fn count(State(sts): State<Arc<SecurityTokenService>>) -> Json<Value> {
    let (exchanges, impersonations) = sts.requests();
    Json(json!({ "waiting": sts.faults.waiting(), "exchanges": exchanges, "impersonations": impersonations }))
}

async fn clear(State(sts): State<Arc<SecurityTokenService>>) -> Json<Value> {
    sts.faults.clear();
    count(State(sts)).await
}
