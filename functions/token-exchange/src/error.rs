//! Why a device got no token.

use std::time::Duration;

use domain::token::{Scope, ServiceAccount};
use domain::{DeviceKey, PortError};
use protocol::RegistryName;

/// Why a device that proved itself got no token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExchangeError {
    /// No allowance for this device or its registry.
    #[error(
        "device `{device}` may not act as `{account}`: it is not among the service accounts of the device, of its registry or of this installation"
    )]
    NotAllowed {
        /// The device.
        device: DeviceKey,
        /// The account it asked for.
        account: ServiceAccount,
    },
    /// The scope opens more of Cloud Storage than the object rules.
    #[error("scope `{scope}` cannot be held to the object rules of registry `{registry}`: {why}")]
    Unbounded {
        /// What was asked for.
        scope: Scope,
        /// Whose rules.
        registry: RegistryName,
        /// What to do about it.
        why: &'static str,
    },
    /// The issuer does not know the scope, or does not give it.
    #[error("the token issuer refused the scope: {why}")]
    Scope {
        /// The issuer's words.
        why: String,
    },
    /// The issuer refuses.
    #[error("the token issuer refused ({code}): {why}")]
    Refused {
        /// The issuer's code.
        code: String,
        /// The issuer's words.
        why: String,
    },
    /// The issuer has too much to do.
    #[error("the token issuer is busy; ask again in {} s", retry_after.as_secs())]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Our side failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl ExchangeError {
    /// Whether a token that is still good should be served in place of this: the issuer cannot, rather than will not.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Port(e) => e.is_retryable(),
            Self::NotAllowed { .. } | Self::Unbounded { .. } | Self::Scope { .. } | Self::Refused { .. } => false,
        }
    }
}
