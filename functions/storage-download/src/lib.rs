//! Objects of Cloud Storage to devices and back, without a Google credential on any of them.
//!
//! Promise: a device reaches what the object rules of its registry give it and nothing else; whether an object exists is
//! said only to who may read it. Nothing is in memory whole. What is answered belongs to one generation of the object;
//! an answer that cannot be finished breaks off and never ends as if it were whole.

mod deps;
mod http;

pub use deps::{DEFAULT_MAX_UPLOAD_BYTES, Deps};
pub use http::{SIGNED_URL_LIFE, router, routes};
