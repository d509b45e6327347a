//! Form parameters (`application/x-www-form-urlencoded`), in order and with repeats.

use axum::http::{HeaderMap, header};

/// Parameters as sent; what was sent empty counts as absent (RFC 6749, section 3.2).
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form; every sequence of bytes is one.
    pub(super) fn parse(body: &[u8]) -> Self {
        let owned = form_urlencoded::parse(body).into_owned();
        Self(owned.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Every value of `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`; `Err` when it was sent more than once.
    pub(super) fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, String> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { Err(format!("parameter `{name}` is given more than once")) } else { Ok(first) }
    }
}

/// Whether the body is said to be a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
