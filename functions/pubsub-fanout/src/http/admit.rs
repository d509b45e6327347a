//! Who is speaking: an extractor, so that no body is read before the token has been verified.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::DomainError;
use domain::identity::{Protocol, authenticate};
use edge::{ApiError, Bearer, Code, PathParams, Query};

use crate::{FanOut, Speaker};

/// A device that proved itself, ready to speak. Three reads.
pub(super) struct Admitted(pub(super) Speaker);

impl FromRequestParts<FanOut> for Admitted {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, deps: &FanOut) -> Result<Self, ApiError> {
        let name = PathParams::from_request_parts(parts, deps).await?.device()?;
        let bearer = Bearer::from_headers(&parts.headers).map_err(|e| deps.device_errors().timed(e))?;
        let admitted = authenticate(&deps.stores, &name, bearer.token(), Protocol::Http, deps.clock.now()).await;
        let (device, registry) = match admitted {
            Ok(admitted) => admitted,
            Err(DomainError::Refused(why)) => return Err(deps.device_errors().refused(&name, why).await),
            Err(e) => return Err(e.into()),
        };
        let Ok(query) = Query::from_request_parts(parts, deps).await;
        refuse_gateway(query.has_prefix("gatewayInfo"))?;
        Ok(Self(Speaker::new(device.device(), Arc::new(registry), None)))
    }
}

/// Speaking through a gateway is not there yet, and must not be taken for speaking without one.
pub(super) fn refuse_gateway(asked: bool) -> Result<(), ApiError> {
    if asked { Err(ApiError::new(Code::Unimplemented, "gatewayInfo is not implemented in this version")) } else { Ok(()) }
}
