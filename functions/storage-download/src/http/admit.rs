//! Who asks, for what, and whether it may: no object is looked at before.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use domain::identity::{Protocol, authenticate};
use domain::objects::{Access, ObjectName};
use domain::{DeviceKey, DomainError};
use edge::{ApiError, Bearer, Code, PathParams};

use super::error::{note, refusal, timed};
use crate::Deps;

/// A device that proved itself, and an object that it may read (or write, for PUT). Three reads.
pub(super) struct Admitted {
    pub(super) device: DeviceKey,
    pub(super) object: ObjectName,
}

impl FromRequestParts<Deps> for Admitted {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, deps: &Deps) -> Result<Self, ApiError> {
        let name = PathParams::from_request_parts(parts, deps).await?.device()?;
        let bearer = Bearer::from_headers(&parts.headers).map_err(|e| timed(deps, e))?;
        let (device, registry) = match authenticate(&deps.stores, &name, bearer.token(), Protocol::Objects, deps.clock.now()).await {
            Ok(admitted) => admitted,
            Err(DomainError::Refused(why)) => return Err(refusal(deps, &name, why).await),
            Err(e) => return Err(e.into()),
        };
        let object = object(parts).await?;
        let (wanted, verb) = if parts.method == Method::PUT { (Access::Write, "write") } else { (Access::Read, "read") };
        if registry.object_rules.iter().any(|rule| rule.allows(wanted, device.device(), &object)) {
            return Ok(Self { device: device.key().clone(), object });
        }
        let DeviceKey { registry, id } = device.key();
        let text = format!("no object rule of registry `{}` lets device `{id}` {verb} `{object}`", registry.registry);
        let error = ApiError::new(Code::PermissionDenied, text);
        note(deps, device.key(), &error).await;
        Err(error)
    }
}

/// The object in the path, decoded once: what is checked here is what the store is asked for.
async fn object(parts: &mut Parts) -> Result<ObjectName, ApiError> {
    let refused = |e: &dyn std::fmt::Display| ApiError::invalid("object", e.to_string());
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|e| refused(&e))?;
    let get = |name| params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    ObjectName::try_new(get("bucket"), get("object")).map_err(|e| refused(&e))
}
