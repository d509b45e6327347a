//! Who is asking. The same for every door that takes a device's name and its token.

use domain::identity::{Protocol, authenticate};
use domain::{DomainError, PortError, VerifiedDevice};
use edge::{ApiError, DeviceErrors};
use protocol::DeviceName;

use crate::exchange::Admitted;
use crate::{Deps, ExchangeError};

/// Why somebody was not let in.
pub(super) enum NotAdmitted {
    /// The token does not prove what it should.
    Refused(ApiError),
    /// We could not find out.
    Port(PortError),
}

impl Deps {
    /// How devices are answered now.
    pub(super) fn device_errors(&self) -> DeviceErrors<'_> {
        DeviceErrors { stores: &self.stores, statuses: &self.statuses, now: self.now() }
    }
}

/// The device and its registry, if `token` proves to be it.
pub(super) async fn admit(deps: &Deps, name: &DeviceName, token: &str) -> Result<Admitted, NotAdmitted> {
    let errors = deps.device_errors();
    match authenticate(&deps.stores, name, token, Protocol::Tokens, errors.now).await {
        Ok((device, registry)) => Ok(Admitted { device, registry }),
        Err(DomainError::Refused(why)) => Err(NotAdmitted::Refused(errors.refused(name, why).await)),
        Err(DomainError::Port(e)) => Err(NotAdmitted::Port(e)),
        Err(other) => Err(NotAdmitted::Port(PortError::lasting("records", other))),
    }
}

/// Keeps an error of a device that proved itself as its last, and logs what the administrator has to mend.
pub(super) async fn note(deps: &Deps, device: &VerifiedDevice, error: &ExchangeError) {
    if let ExchangeError::Refused { .. } = error {
        tracing::warn!(device = %device.key(), error = %error, "No token for `{}`: {error}", device.key());
    }
    deps.device_errors().note(device.key(), &ApiError::from(error.clone())).await;
}
