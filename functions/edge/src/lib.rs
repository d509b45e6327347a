//! HTTP shared by the functions: Google's error shape, authentication, lenient JSON and queries, paths with verbs.
//!
//! A function offers `routes(deps)`, an [`axum::Router`] in the internal normal form of [`google_paths`], and
//! `router(deps) = google_paths(routes(deps))`. A host that serves several functions at one address merges their
//! `routes` and wraps once.
//!
//! Promise of [`google_paths`]: every answer that is not 2xx has Google's error shape, a panic is answered 500 and ends
//! nothing but its request, and the cause of a failure is logged once, with the request's id.

mod admin;
mod api_error;
mod base64_bytes;
mod bearer;
mod code;
mod date;
mod device_errors;
mod groups;
mod hint;
mod int64;
mod json;
mod method_override;
mod observe;
mod page;
mod path;
mod query;
mod rfc3339;

pub use admin::{AdminAuth, AdminToken, Authority, Caller, Verdict};
pub use api_error::{ApiError, FieldViolation};
pub use base64_bytes::{decode as decode_base64, encode as encode_base64};
pub use bearer::Bearer;
pub use code::Code;
pub use date::{http_date, with_date};
pub use device_errors::DeviceErrors;
pub use groups::{Group, in_group};
pub use hint::hint;
pub use int64::int64;
pub use json::{DEFAULT_BODY_LIMIT, JsonBody, read_json};
pub use observe::REQUEST_ID;
pub use page::{Listing, PageRequest};
pub use path::{NotServed, PathParams, google_paths};
pub use query::Query;
pub use rfc3339::rfc3339;
