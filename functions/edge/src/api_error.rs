//! What a caller is told when it does not get what it asked for, in the shape of Google's APIs.
//!
//! Two messages: one for the caller, which names the value and the limit, and the cause for the log, which the caller
//! never sees.

use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::identity::Refusal;
use domain::{DomainError, PortError};
use serde::Serialize;

use crate::Code;

/// One broken rule: `google.rpc.BadRequest.FieldViolation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldViolation {
    /// The field in snake case, with its path: `config.binary_data`.
    pub field: String,
    /// The rule and the value.
    pub description: String,
}

/// An answer that is not 2xx: `{"error":{"code","message","status","details"}}`.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: Code,
    message: String,
    violations: Vec<FieldViolation>,
    reason: Option<Box<serde_json::Value>>,
    cause: Option<Cause>,
}

/// The cause of an error, for the log alone; rides in the extensions of the response.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) Arc<dyn Error + Send + Sync>);

impl ApiError {
    /// An error with a text for the caller.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), violations: Vec::new(), reason: None, cause: None }
    }
    /// INVALID_ARGUMENT about one field, named in snake case; an empty name says none in particular.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, description) = (field.into(), message.into());
        let mut error = Self::new(Code::InvalidArgument, description.clone());
        if !field.is_empty() {
            error.violations.push(FieldViolation { field, description });
        }
        error
    }
    /// NOT_FOUND; `what` names it, as in `registry \`x\``.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} was not found"))
    }
    /// The same error with its cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Cause(Arc::new(cause)));
        self
    }
    /// The same error with `text` added to what the caller reads.
    #[must_use]
    pub fn and_say(mut self, text: impl std::fmt::Display) -> Self {
        self.message = format!("{}{text}", self.message);
        self
    }
    /// The same error with a reason for programs: a `google.rpc.ErrorInfo`.
    #[must_use]
    pub fn with_reason(mut self, reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Self {
        let metadata: serde_json::Map<_, _> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
        let info = serde_json::json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata,
        });
        self.reason = Some(Box::new(info));
        self
    }
    /// The canonical code.
    pub fn code(&self) -> Code {
        self.code
    }
    /// What the caller reads.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// The object under `error`, as it also stands in the answers of batch calls.
    pub fn to_json(&self) -> serde_json::Value {
        let mut body = serde_json::json!({ "code": self.code.http().as_u16(), "message": self.message, "status": self.code.name() });
        let violations = || serde_json::json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": self.violations });
        let details: Vec<_> = (!self.violations.is_empty()).then(violations).into_iter().chain(self.reason.as_deref().cloned()).collect();
        if !details.is_empty() {
            body["details"] = details.into();
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(serde_json::json!({ "error": self.to_json() }));
        let mut response = (self.code.http(), body).into_response();
        if self.code == Code::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<PortError> for ApiError {
    fn from(e: PortError) -> Self {
        let error = if e.is_retryable() {
            Self::new(Code::Unavailable, format!("the {} are not available at the moment, try again", e.part))
        } else {
            Self::new(Code::Internal, format!("the {} failed; the log of the server says why", e.part))
        };
        let error = match e.told {
            Some(told) => error.and_say(format_args!(": {told}")),
            None => error,
        };
        error.caused_by(e)
    }
}

impl From<Refusal> for ApiError {
    fn from(e: Refusal) -> Self {
        let code = match &e {
            Refusal::Blocked | Refusal::ProtocolDisabled(_) => Code::PermissionDenied,
            Refusal::Malformed(_)
            | Refusal::Algorithm(_)
            | Refusal::Audience { .. }
            | Refusal::Expired { .. }
            | Refusal::NotYetValid { .. }
            | Refusal::Lifetime { .. }
            | Refusal::UnknownAccessToken
            | Refusal::AccessTokenExpired { .. }
            | Refusal::UnknownDeviceOrKey => Code::Unauthenticated,
        };
        Self::new(code, e.to_string())
    }
}

impl From<DomainError> for ApiError {
    fn from(e: DomainError) -> Self {
        match e {
            DomainError::Invalid { field, message } => Self::invalid(field, message),
            DomainError::NotFound(_) => Self::new(Code::NotFound, e.to_string()),
            DomainError::AlreadyExists(_) => Self::new(Code::AlreadyExists, e.to_string()),
            DomainError::Precondition(text) => Self::new(Code::FailedPrecondition, text),
            DomainError::Conflict(text) => Self::new(Code::Aborted, text),
            DomainError::Exhausted(text) => Self::new(Code::ResourceExhausted, text),
            DomainError::Refused(refusal) => refusal.into(),
            DomainError::Port(e) => e.into(),
        }
    }
}
