//! Who is speaking: an extractor, so that no body is read before the token has been verified.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::identity::{Protocol, Refusal, VerifiedDevice, prove};
use domain::{DomainError, Registry};
use edge::{ApiError, Bearer, PathParams, Query};
use protocol::DeviceName;

use super::Http;
use super::gateway::{GatewayInfo, refused};
use crate::{FanOut, Speaker};

/// A device that proved itself. Three reads at most, most often one.
pub(super) struct Admitted {
    device: VerifiedDevice,
    registry: Arc<Registry>,
    bearer: Bearer,
    /// What the query says of a gateway.
    info: Option<GatewayInfo>,
}

impl Admitted {
    /// Who speaks: the device itself, or through a gateway as `info`, or else the query, says. A refusal becomes the last error of
    /// who asked.
    pub(super) async fn speaker(self, deps: &FanOut, info: Option<GatewayInfo>) -> Result<Speaker, ApiError> {
        let device = self.device.device();
        let Some(info) = info.or(self.info) else { return Ok(Speaker::new(device, self.registry, None)) };
        match info.speaker(deps, device, self.registry, self.bearer.token()).await {
            Ok(speaker) => Ok(speaker),
            Err(e) => {
                let error = refused(e);
                deps.device_errors().note(&device.key, &error).await;
                Err(error)
            }
        }
    }
}

impl Http {
    /// As [`domain::identity::authenticate`], with a registry that may be a minute old.
    async fn authenticate(&self, name: &DeviceName, token: &str) -> Result<(VerifiedDevice, Arc<Registry>), DomainError> {
        let (stores, now) = (&self.fan_out.stores, self.fan_out.clock.now());
        let device = prove(stores, name, token, now).await?;
        let registry = self.registries.find(stores, &name.registry, now).await?.ok_or(Refusal::UnknownDeviceOrKey)?;
        Protocol::Http.check(&registry)?;
        Ok((device, registry))
    }
}

impl FromRequestParts<Http> for Admitted {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, ApiError> {
        let deps = &http.fan_out;
        let name = PathParams::from_request_parts(parts, http).await?.device()?;
        let bearer = Bearer::from_headers(&parts.headers).map_err(|e| deps.device_errors().timed(e))?;
        let (device, registry) = match http.authenticate(&name, bearer.token()).await {
            Ok(admitted) => admitted,
            Err(DomainError::Refused(why)) => return Err(deps.device_errors().refused(&name, why).await),
            Err(e) => return Err(e.into()),
        };
        let Ok(query) = Query::from_request_parts(parts, http).await;
        Ok(Self { device, registry, bearer, info: GatewayInfo::of_query(&query) })
    }
}
