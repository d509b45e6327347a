//! Who asks, for what, and whether it may: no object is looked at before.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Method;
use axum::http::request::Parts;
use domain::identity::{self, Protocol};
use domain::issued_token::{self, Holder};
use domain::objects::{Access, ObjectName};
use domain::{DeviceKey, DomainError, Refusal};
use edge::{ApiError, Bearer, Code, PathParams};
use protocol::DeviceName;

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
        let bearer = Bearer::from_headers(&parts.headers).map_err(|e| deps.device_errors().timed(e))?;
        let holder = match authenticate(deps, &name, &bearer).await {
            Ok(holder) => holder,
            Err(DomainError::Refused(why)) => return Err(deps.device_errors().refused(&name, why).await),
            Err(e) => return Err(e.into()),
        };
        let object = object(parts).await?;
        let wanted = if parts.method == Method::PUT { Access::Write } else { Access::Read };
        match permit(&holder, wanted, &object) {
            Ok(()) => Ok(Self { device: holder.device.key, object }),
            Err(error) => {
                deps.device_errors().note(&holder.device.key, &error).await;
                Err(error)
            }
        }
    }
}

/// The device, by its own JWT, which opens all that the rules allow, or by an access token that our token service gave it.
/// What no device can have signed is looked up as an access token: Google's are no JWTs, the stand-in's are of another kind.
async fn authenticate(deps: &Deps, name: &DeviceName, bearer: &Bearer) -> Result<Holder, DomainError> {
    let now = deps.clock.now();
    let refused = match identity::authenticate(&deps.stores, name, bearer.token(), Protocol::Objects, now).await {
        Ok((device, registry)) => return Ok(Holder { device: device.device().clone(), registry, access: Access::ReadWrite }),
        Err(DomainError::Refused(why @ (Refusal::Malformed(_) | Refusal::Algorithm(_)))) => why,
        Err(other) => return Err(other),
    };
    match issued_token::authenticate(&deps.stores, name, bearer.token(), now).await {
        // Somebody tried to make a JWT: what is wrong with that is of more use.
        Err(DomainError::Refused(Refusal::UnknownAccessToken)) if bearer.looks_like_jwt() => Err(refused.into()),
        answer => answer,
    }
}

/// Both must allow it: the scope of the token, and a rule of the registry.
fn permit(holder: &Holder, wanted: Access, object: &ObjectName) -> Result<(), ApiError> {
    let Holder { device, registry, access } = holder;
    let verb = if wanted == Access::Write { "write" } else { "read" };
    if !access.covers(wanted) {
        let text = format!("the scope of this access token does not let device `{}` {verb} objects", device.key.id);
        return Err(ApiError::new(Code::PermissionDenied, text));
    }
    if registry.object_rules.iter().any(|rule| rule.allows(wanted, device, object)) {
        return Ok(());
    }
    let DeviceKey { registry, id } = &device.key;
    let text = format!("no object rule of registry `{}` lets device `{id}` {verb} `{object}`", registry.registry);
    Err(ApiError::new(Code::PermissionDenied, text))
}

/// The object in the path, decoded once: what is checked here is what the store is asked for.
async fn object(parts: &mut Parts) -> Result<ObjectName, ApiError> {
    let refused = |e: &dyn std::fmt::Display| ApiError::invalid("object", e.to_string());
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|e| refused(&e))?;
    let get = |name| params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    ObjectName::try_new(get("bucket"), get("object")).map_err(|e| refused(&e))
}
