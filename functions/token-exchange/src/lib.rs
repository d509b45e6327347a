//! A device's JWT becomes a Google access token, with no service-account key on any device.
//!
//! | file | holds |
//! | --- | --- |
//! | `exchange` | the use case: a proven device, a scope, perhaps a service account → an access token |
//! | `cache` | one token per (device, scope, service account), fetched once however many ask |
//! | `subject` | the short JWT by which we vouch for a device at the cloud |
//! | `bounds` | how far a token opens Cloud Storage |
//! | `impersonation` | which devices may act as which service accounts, installation-wide |
//! | `issuer` | our name as OpenID Connect issuer |
//! | `http/` | the token service of Cloud IoT Core, RFC 8693 `/token`, discovery and JWK set |
//!
//! Promise: a token is given only to who proved to be the device within the same request, and never one that was issued
//! for another device, scope, service account or other bounds. So a blocked device gets no new token from the moment its record says
//! so, cached or not; what it holds lives at most an hour. Costs per warm request: two reads, one signature check.

mod bounds;
mod cache;
mod deps;
mod error;
mod exchange;
mod http;
mod impersonation;
mod issuer;
mod remember;
mod subject;

pub use cache::{Counters, MAX_CACHED, TokenCache};
pub use deps::Deps;
pub use error::ExchangeError;
pub use http::{device_of_form, router, routes};
pub use impersonation::Impersonation;
pub use issuer::{IssuerError, IssuerUrl};
pub use subject::SUBJECT_LIFE;
