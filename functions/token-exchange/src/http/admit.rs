//! Who is asking. The same for every door that takes a device's name and its token.

use domain::identity::{Protocol, Refusal, authenticate};
use domain::status::ErrorStatus;
use domain::{DomainError, PortError, VerifiedDevice, device};
use edge::ApiError;
use protocol::DeviceName;

use super::error::timed;
use crate::exchange::Admitted;
use crate::{Deps, ExchangeError};

/// Why somebody was not let in.
pub(super) enum NotAdmitted {
    /// The token does not prove what it should.
    Refused(Refusal),
    /// We could not find out.
    Port(PortError),
}

/// The device and its registry, if `token` proves to be it. A refusal is noted as the last error of the device, if there is such a
/// device; what a stranger may cause to be written is bounded by [`domain::status::STRANGER_ERROR_EVERY`].
pub(super) async fn admit(deps: &Deps, name: &DeviceName, token: &str) -> Result<Admitted, NotAdmitted> {
    match authenticate(&deps.stores, name, token, Protocol::Tokens, deps.now()).await {
        Ok((device, registry)) => Ok(Admitted { device, registry }),
        Err(DomainError::Refused(why)) => {
            note_refusal(deps, name, &why).await;
            Err(NotAdmitted::Refused(why))
        }
        Err(DomainError::Port(e)) => Err(NotAdmitted::Port(e)),
        Err(other) => Err(NotAdmitted::Port(PortError::lasting("records", other))),
    }
}

async fn note_refusal(deps: &Deps, name: &DeviceName, why: &Refusal) {
    let proved = matches!(why, Refusal::Blocked | Refusal::ProtocolDisabled(_));
    let status = status(&timed(deps, why.clone().into()));
    let noted = async {
        let Some(found) = device::find(&deps.stores, name).await? else { return Ok(()) };
        let key = found.value.key;
        if proved { deps.statuses.error(&key, status).await } else { deps.statuses.stranger_error(&key, status).await }
    };
    log_unnoted(noted.await);
}

/// Keeps an error of a device that proved itself as its last, and logs what the administrator has to mend.
pub(super) async fn note(deps: &Deps, device: &VerifiedDevice, error: &ExchangeError) {
    if let ExchangeError::Refused { .. } = error {
        tracing::warn!(device = %device.key(), error = %error, "No token for `{}`: {error}", device.key());
    }
    log_unnoted(deps.statuses.error(device.key(), status(&ApiError::from(error.clone()))).await);
}

fn status(error: &ApiError) -> ErrorStatus {
    ErrorStatus { code: error.code().number(), message: error.message().to_owned() }
}

/// The device has its answer; that its record misses it is for the log.
fn log_unnoted(noted: Result<(), PortError>) {
    if let Err(e) = noted {
        tracing::warn!(error = %e, "The last error of a device could not be written: {e}");
    }
}
