//! A message as the REST request that it is, by the rules of `google/api/http.proto`: the name in the path, a field or the rest
//! as the body, what is left as the query.

use std::fmt::Write as _;

use axum::body::Body as Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method as Verb, Uri, header};
use edge::ApiError;
use form_urlencoded::Serializer;
use serde_json::{Map, Value};

use super::methods::{Body, Method};

/// What of a call's metadata means the same in a REST request.
const FORWARDED: [HeaderName; 4] =
    [header::AUTHORIZATION, edge::REQUEST_ID, HeaderName::from_static("traceparent"), HeaderName::from_static("x-cloud-trace-context")];

/// A query of more bytes travels as the body of a POST, as Google's own clients send it: a URL holds 65,534 bytes.
const LONGEST_QUERY: usize = 2048;

impl Method {
    /// The request that `message` is. INVALID_ARGUMENT for what is no message of the method, and for a name of another form.
    pub(super) fn request(&self, metadata: &HeaderMap, message: &[u8]) -> Result<Request, ApiError> {
        let unreadable = |e: super::methods::Unreadable| ApiError::invalid("", format!("{}: {e}", self.name));
        let Value::Object(mut fields) = (self.json)(message).map_err(unreadable)? else {
            return Err(ApiError::invalid("", format!("{} is asked by an object", self.name)));
        };
        masks_as_text(&mut fields);
        let mut path = format!("/v1/{}{}", self.name_of(&mut fields)?, self.then);
        let body = match self.body {
            Body::None => Value::Null,
            Body::Field(field) => fields.remove(field).unwrap_or_default(),
            Body::Rest => Value::Object(std::mem::take(&mut fields)),
        };
        let query = query(&fields);
        let long = query.len() > LONGEST_QUERY && self.verb == Verb::GET;
        if !query.is_empty() && !long {
            path = format!("{path}?{query}");
        }
        let too_long = |_| ApiError::invalid("", format!("{}: the names and masks of the message do not fit into a URL", self.name));
        let uri: Uri = path.parse().map_err(too_long)?;
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request::new(Bytes::from(if long { query } else { text }));
        *request.method_mut() = if long { Verb::POST } else { self.verb.clone() };
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.extend(FORWARDED.into_iter().filter_map(|name| Some((name.clone(), metadata.get(&name)?.clone()))));
        if long {
            headers.insert("x-http-method-override", header::HeaderValue::from_static("GET"));
        }
        Ok(request)
    }

    /// The name of the resource, taken out and written for a path.
    fn name_of(&self, fields: &mut Map<String, Value>) -> Result<String, ApiError> {
        let name = match self.named_by.split_once('.') {
            Some((inside, field)) => fields.get(inside).and_then(|inside| inside.get(field)).cloned(),
            None => fields.remove(self.named_by),
        };
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
        if self.forms.iter().any(|form| fits(form, name)) {
            return Ok(in_path(name));
        }
        let field = if self.named_by == "deviceRegistry.name" { "device_registry.name" } else { self.named_by };
        let shown: String = name.chars().take(255).flat_map(char::escape_debug).collect();
        Err(ApiError::invalid(field, format!("{field} `{shown}` is not of the form {}", self.forms.join(" or "))))
    }
}

/// Whether `name` has the segments of `form`, with something for each `*`.
fn fits(form: &str, name: &str) -> bool {
    let same = |(form, name): (&str, &str)| if form == "*" { !name.is_empty() } else { form == name };
    form.split('/').count() == name.split('/').count() && form.split('/').zip(name.split('/')).all(same)
}

/// Percent-encodes what would be something else in a path: a `:` of the last segment is a verb's, a `~` before a segment ours.
fn in_path(name: &str) -> String {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (mut path, mut before) = (String::with_capacity(name.len()), b'/');
    for (place, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'+' | b'/' => path.push(char::from(byte)),
            b':' if place < last => path.push(':'),
            b'~' if before != b'/' => path.push('~'),
            _ => {
                let _a_string_takes_all = write!(path, "%{byte:02X}");
            }
        }
        before = byte;
    }
    path
}

/// A field mask in JSON is one text, its paths with commas between them.
fn masks_as_text(fields: &mut Map<String, Value>) {
    for mask in ["updateMask", "fieldMask"] {
        if let Some(mask) = fields.get_mut(mask) {
            let paths = mask["paths"].as_array().map(Vec::as_slice).unwrap_or_default();
            *mask = paths.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",").into();
        }
    }
}

/// Fields inside a field have its name and a dot before theirs; what is repeated comes once for each.
fn query(fields: &Map<String, Value>) -> String {
    fn add(name: &str, value: &Value, query: &mut Serializer<'_, String>) {
        match value {
            Value::Object(inside) => inside.iter().for_each(|(field, value)| add(&format!("{name}.{field}"), value, query)),
            Value::Array(items) => items.iter().for_each(|item| add(name, item, query)),
            Value::String(text) => {
                query.append_pair(name, text);
            }
            other => {
                query.append_pair(name, &other.to_string());
            }
        }
    }
    let mut query = Serializer::new(String::new());
    fields.iter().for_each(|(name, value)| add(name, value, &mut query));
    query.finish()
}
