//! `{device}:generateAccessToken`, as Cloud IoT Core's token service had it.
//!
//! | field | in JSON or as form parameter |
//! | --- | --- |
//! | `scope` | one text, parts separated by spaces; in JSON also an array of texts |
//! | `device` | optional; if given it must name the device of the path |
//! | `serviceAccount`, `service_account` (ours) | the account to act as; without, the device itself |

use std::sync::Arc;

use axum::body::{Body as RequestBody, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::VerifiedDevice;
use edge::{ApiError, Bearer, PathParams};
use protocol::{DeviceName, DeviceRef};
use serde::Deserialize;

use super::admit::{admit, note};
use super::error::GoogleError;
use super::granted;
use super::params::{Params, is_form};
use super::placeless::{self, Placeless};
use crate::Deps;
use crate::exchange::{Admitted, Wish, exchange};

/// Largest body at either door: 64 KiB, for a scope of 2 KiB and a token of 8 KiB percent-encoded, with room.
pub(super) const BODY_LIMIT: usize = 64 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    device: Option<String>,
    scope: Texts,
    #[serde(alias = "service_account")]
    service_account: Option<String>,
}

/// One text or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::One(String::new())
    }
}

pub(super) async fn generate_access_token(
    State(deps): State<Arc<Deps>>,
    path: PathParams,
    request: Request,
) -> Result<Response, GoogleError> {
    let name = path.device()?;
    let (parts, body) = request.into_parts();
    let bearer = Bearer::from_headers(&parts.headers).map_err(|e| deps.device_errors().timed(e))?;
    // No body is read before the token has been verified.
    let admitted = admit(&deps, &name, bearer.token()).await?;
    answer(&deps, &admitted, None, &parts.headers, body).await
}

/// The same without `/locations/…` in the path, as clients in the field send it.
pub(super) async fn without_location(State(deps): State<Arc<Deps>>, path: PathParams, request: Request) -> Result<Response, GoogleError> {
    let placeless = Placeless { project: path.get("project")?, registry: path.get("registry")?, device: path.get("device")? };
    let (parts, body) = request.into_parts();
    let bearer = Bearer::from_headers(&parts.headers).map_err(|e| deps.device_errors().timed(e))?;
    let admitted = match placeless.resolve(&deps.stores).await.map_err(ApiError::from)? {
        Some(name) => admit(&deps, &name, bearer.token()).await,
        None => Err(placeless.refuse(bearer.token(), &deps.device_errors())),
    };
    let admitted = admitted.map_err(|why| GoogleError::from(why).and_say(placeless::HINT))?;
    answer(&deps, &admitted, Some(&placeless.to_string()), &parts.headers, body).await
}

/// Reads the body and answers it with a token. `also_called`: what else the body may call the device of the path.
async fn answer(
    deps: &Arc<Deps>,
    admitted: &Admitted,
    also_called: Option<&str>,
    headers: &HeaderMap,
    body: RequestBody,
) -> Result<Response, GoogleError> {
    let too_large = |_| ApiError::invalid("", format!("the request body was cut off or exceeds the limit of {BODY_LIMIT} bytes"));
    let body = read(headers, &to_bytes(body, BODY_LIMIT).await.map_err(too_large)?)?;
    check_device(body.device.as_deref().filter(|given| Some(*given) != also_called), &admitted.device)?;
    let wish = wish(body)?;
    let scope = wish.scope.clone();
    match exchange(deps, admitted, wish).await {
        Ok(granted) => Ok(granted::reply(&granted, &scope)),
        Err(e) => {
            note(deps, &admitted.device, &e).await;
            Err(e.into())
        }
    }
}

/// A form if it is said to be one and does not look like JSON (curl says so of all that it sends), else JSON.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Body, ApiError> {
    if !is_form(headers) || body.trim_ascii_start().starts_with(b"{") {
        return edge::read_json(body);
    }
    let params = Params::parse(body);
    let one = |name: &str| params.one(name).map(|v| v.map(str::to_owned)).map_err(|text| ApiError::invalid(name, text));
    let account = one("service_account")?.or(one("serviceAccount")?);
    Ok(Body { device: one("device")?, scope: Texts::One(one("scope")?.unwrap_or_default()), service_account: account })
}

/// The device of the body, if there is one, must be the one that proved itself.
fn check_device(given: Option<&str>, device: &VerifiedDevice) -> Result<(), ApiError> {
    let Some(given) = given else { return Ok(()) };
    let name: DeviceName = given.parse().map_err(|e: protocol::NameError| ApiError::invalid("device", e.to_string()))?;
    let (key, number) = (device.key(), device.device().num_id);
    let is_it = match &name.device {
        DeviceRef::Id(id) => *id == key.id,
        DeviceRef::NumId(n) => *n == number,
    };
    if is_it && name.registry == key.registry {
        return Ok(());
    }
    Err(ApiError::invalid("device", format!("device `{name}` of the body is not the device of the path")))
}

fn wish(body: Body) -> Result<Wish, ApiError> {
    let scope = match body.scope {
        Texts::One(text) => text,
        Texts::Many(texts) => texts.join(" "),
    };
    let scope = scope.parse().map_err(|e: domain::token::ScopeError| ApiError::invalid("scope", e.to_string()))?;
    let account = body.service_account.filter(|a| !a.is_empty()).map(|a| a.parse()).transpose();
    Ok(Wish { scope, account: account.map_err(|text: String| ApiError::invalid("service_account", text))? })
}
