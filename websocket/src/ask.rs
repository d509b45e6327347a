//! The handshake of the end that asks.

use http::{HeaderValue, Request, Response, StatusCode, header};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use crate::SUBPROTOCOL;

/// Why the other end speaks no MQTT over WebSocket with us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUpgraded {
    /// It is something else that answers.
    #[error("the answer was {0} instead of an upgrade to WebSocket")]
    Status(StatusCode),
    /// Whoever answered has not read what was asked: a cache, say.
    #[error("the upgrade to WebSocket was answered without the proof of our key")]
    Accept,
    /// It speaks something else in its frames.
    #[error("the upgrade to WebSocket was answered without the subprotocol `mqtt`")]
    Subprotocol,
}

/// An opening, and what its answer must hold.
#[derive(Debug)]
pub struct Asked {
    /// What to send; the body is empty.
    pub request: Request<()>,
    accept: String,
}

/// An opening for `path` of `host`, which may have a port.
///
/// # Errors
/// When `host` or `path` cannot stand in a request.
pub fn ask(host: &str, path: &str) -> Result<Asked, http::Error> {
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key)
        .header(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .body(())?;
    Ok(Asked { request, accept })
}

impl Asked {
    /// Whether `response` is the answer: then the connection is a WebSocket.
    ///
    /// # Errors
    /// [`NotUpgraded`], one sentence.
    pub fn check<B>(&self, response: &Response<B>) -> Result<(), NotUpgraded> {
        let is = |name, value: &str| response.headers().get(name).map(HeaderValue::as_bytes) == Some(value.as_bytes());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(NotUpgraded::Status(response.status()));
        }
        if !is(header::SEC_WEBSOCKET_ACCEPT, &self.accept) {
            return Err(NotUpgraded::Accept);
        }
        if !is(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
            return Err(NotUpgraded::Subprotocol);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_this_very_opening_counts() {
        let (asked, other) = (ask("b.example", "/mqtt").unwrap(), ask("b.example", "/mqtt").unwrap());
        let mut answer = crate::answer(&asked.request).unwrap();
        assert_eq!(asked.check(&answer), Ok(()));
        assert_eq!(other.check(&answer), Err(NotUpgraded::Accept));
        answer.headers_mut().remove(header::SEC_WEBSOCKET_PROTOCOL);
        assert_eq!(asked.check(&answer), Err(NotUpgraded::Subprotocol));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        assert_eq!(asked.check(&answer).unwrap_err().to_string(), "the answer was 404 Not Found instead of an upgrade to WebSocket");
    }
}
