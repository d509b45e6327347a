//! Failures in words, with what to do.

use std::error::Error;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use domain::PortError;

/// A service of AWS, and what may be said of its failures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// The port.
    pub(crate) part: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// What our role must be granted.
    pub(crate) actions: &'static str,
    /// What to do about something that is not there.
    pub(crate) create: &'static str,
}

impl Service {
    /// What a failed request about `what` comes to: what may pass by itself, and what waits for somebody.
    pub(crate) fn failed<E, R>(&self, what: &str, error: &SdkError<E, R>) -> PortError
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let Self { part, name, actions, create } = *self;
        let SdkError::ServiceError(refused) = error else {
            return PortError::passing(part, format!("{name}, `{what}`: {}", DisplayErrorContext(error)));
        };
        let code = refused.err().code().unwrap_or("Unknown");
        let told = format!("{name}, `{what}`: {code}: {}", refused.err().message().unwrap_or_default());
        match code {
            "ResourceNotFoundException" | "NotFoundException" => PortError::lasting(part, format!("{told}: {create}")),
            "AccessDeniedException" | "UnrecognizedClientException" | "ForbiddenException" | "UnauthorizedException" => {
                PortError::lasting(part, format!("{told}: grant {actions} on it"))
            }
            "ValidationException"
            | "DisabledException"
            | "KMSInvalidStateException"
            | "InvalidKeyUsageException"
            | "InvalidRequestException"
            | "InvalidParameterException" => PortError::lasting(part, told),
            _ => PortError::passing(part, told),
        }
    }
}
