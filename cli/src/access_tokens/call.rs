//! One request to one of Google's services, not yet sent.

use std::path::PathBuf;

use reqwest::{Method, Url};
use serde_json::Value;

use super::urls::Api;
use crate::secret::Secret;

/// A token, and the shell variable that stands for it where a request is printed.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) secret: Secret,
    pub(super) variable: &'static str,
}

/// What goes along.
#[derive(Debug)]
pub(super) enum Body {
    Empty,
    /// `application/x-www-form-urlencoded`, as the sample asked the token service.
    Form(Vec<(&'static str, String)>),
    Json(Value),
    /// The bytes of a file.
    File(PathBuf),
}

/// One request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) service: Api,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) token: &'a Held,
    pub(super) body: Body,
}

impl<'a> Call<'a> {
    pub(super) fn get(service: Api, url: Url, token: &'a Held) -> Self {
        Self { service, method: Method::GET, url, token, body: Body::Empty }
    }

    pub(super) fn post(service: Api, url: Url, token: &'a Held, body: Body) -> Self {
        Self { service, method: Method::POST, url, token, body }
    }

    /// The service as the caller knows it: scheme, host and port.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}
