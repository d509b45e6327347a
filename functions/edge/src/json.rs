//! JSON bodies as Google's API front end reads them: an empty body is `{}`, `null` is an absent field, the
//! content type is not looked at.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ApiError, base64_bytes};

/// Largest body unless a route says otherwise: 2 MiB. Covers 256 KiB of payload in base64, or of metadata, with room.
pub const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Names of bytes fields, whose refusal Google words in its own way.
const BYTES_FIELDS: [&str; 3] = ["binaryData", "binary_data", "etag"];

/// A JSON body of at most `LIMIT` bytes, read by [`read_json`].
#[derive(Debug)]
pub struct JsonBody<T, const LIMIT: usize = DEFAULT_BODY_LIMIT>(pub T);

impl<S: Sync, T: DeserializeOwned, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT> {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = to_bytes(request.into_body(), LIMIT).await.map_err(|e| {
            ApiError::invalid("", format!("the request body was cut off or exceeds the limit of {LIMIT} bytes")).caused_by(e)
        })?;
        read_json(&bytes).map(Self)
    }
}

/// Reads a JSON object into `T`. INVALID_ARGUMENT names what is wrong: where the syntax breaks, which bytes field does
/// not decode, which value does not fit.
pub fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let refused = |e: serde_json::Error| ApiError::invalid("", format!("Invalid JSON payload received. {e}"));
    let mut value: Value =
        if body.trim_ascii().is_empty() { Value::Object(serde_json::Map::new()) } else { serde_json::from_slice(body).map_err(refused)? };
    if !value.is_object() {
        return Err(ApiError::invalid("", "Invalid JSON payload received. Expected an object"));
    }
    drop_nulls(&mut value);
    T::deserialize(&value).map_err(|e| bad_bytes("", &value).unwrap_or_else(|| refused(e)))
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, v| !v.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The first bytes field that does not decode, as an error.
fn bad_bytes(path: &str, value: &Value) -> Option<ApiError> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let path = join(path, name);
            match value {
                Value::String(text) if BYTES_FIELDS.contains(&name.as_str()) => base64_bytes::decode(&path, text).err(),
                _ => bad_bytes(&path, value),
            }
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(place, item)| bad_bytes(&format!("{path}[{place}]"), item)),
        _ => None,
    }
}

/// A field's path in snake case.
fn join(path: &str, name: &str) -> String {
    let mut joined = if path.is_empty() { String::new() } else { format!("{path}.") };
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            joined.push('_');
        }
        joined.push(c.to_ascii_lowercase());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Body {
        #[serde(default)]
        number: u8,
    }

    #[test]
    fn empty_bodies_and_nulls_are_defaults() {
        for body in ["", " \n", "{}", r#"{"number":null,"other":[{"x":null}]}"#] {
            assert_eq!(read_json::<Body>(body.as_bytes()).unwrap(), Body { number: 0 }, "{body}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["[]", "3", "{", "{\"number\":300}", "\u{0}"] {
            let e = read_json::<Body>(body.as_bytes()).unwrap_err();
            assert!(e.message().starts_with("Invalid JSON payload received. "), "{body}: {}", e.message());
        }
    }
}
