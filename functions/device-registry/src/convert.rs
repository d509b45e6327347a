//! API messages to domain values and back. Everything that comes in is validated here or by the value it becomes;
//! errors name the field in snake case.

pub(crate) mod credential;
pub(crate) mod device;
pub(crate) mod enums;
pub(crate) mod policy;
pub(crate) mod registry;

use domain::DomainError;
use protocol::NameError;

/// A name that breaks its rule, as an error about `field`.
pub(crate) fn bad_name(field: &str) -> impl Fn(NameError) -> DomainError + '_ {
    move |e| DomainError::invalid(field, e.to_string())
}
