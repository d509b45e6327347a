//! The handshake of the end that is asked.

use http::{HeaderMap, HeaderValue, Request, Response, header};
use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::create_response_with_body;

use crate::SUBPROTOCOL;

/// Characters of what the other end offered that are shown.
const SHOWN: usize = 60;

/// Why a request is no opening of MQTT over WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoUpgrade {
    /// A request like any other: 426.
    #[error("MQTT over WebSocket is spoken here: connect with a WebSocket client, subprotocol `mqtt`")]
    Plain,
    /// 426, with the version that is.
    #[error("the WebSocket version is not supported: it must be 13")]
    Version,
    /// 400.
    #[error("the WebSocket subprotocol must be `mqtt`, and the client offers {0}")]
    Subprotocol(String),
    /// 400.
    #[error("the WebSocket handshake is broken: {0}")]
    Broken(String),
}

/// The 101 that a request is answered with.
///
/// # Errors
/// [`NoUpgrade`], one sentence for the other end.
pub fn answer<B>(request: &Request<B>) -> Result<Response<()>, NoUpgrade> {
    let mut response = create_response_with_body(request, || ()).map_err(|error| match error {
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader | ProtocolError::WrongHttpVersion,
        ) => NoUpgrade::Plain,
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => NoUpgrade::Version,
        other => NoUpgrade::Broken(other.to_string()),
    })?;
    if !offered(request.headers()).any(|name| name == SUBPROTOCOL) {
        let offers: Vec<_> = offered(request.headers()).collect();
        let shown = offers.join(", ").chars().take(SHOWN).flat_map(char::escape_debug).collect::<String>();
        return Err(NoUpgrade::Subprotocol(if shown.is_empty() { "none".into() } else { format!("`{shown}`") }));
    }
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut HeaderMap)) -> Request<()> {
        let mut request = crate::ask("b.example", "/mqtt").unwrap().request;
        change(request.headers_mut());
        request
    }

    #[test]
    fn a_request_of_ours_is_answered_with_the_subprotocol() {
        let response = answer(&request(|_| {})).unwrap();
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], "mqtt");
        let among = request(|h| drop(h.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("amqp, mqtt"))));
        let among = answer(&among).unwrap();
        assert_eq!(among.headers()[header::SEC_WEBSOCKET_PROTOCOL], "mqtt");
    }

    #[test]
    fn what_is_no_opening_is_refused_with_its_reason() {
        type Change = fn(&mut HeaderMap);
        let table: [(Change, &str); 5] = [
            (|h| drop(h.remove(header::UPGRADE)), "MQTT over WebSocket is spoken here"),
            (|h| drop(h.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"))), "must be 13"),
            (|h| drop(h.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static("short"))), "handshake is broken"),
            (|h| drop(h.remove(header::SEC_WEBSOCKET_PROTOCOL)), "must be `mqtt`, and the client offers none"),
            (
                |h| drop(h.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqttv3.1, wamp"))),
                "must be `mqtt`, and the client offers `mqttv3.1, wamp`",
            ),
        ];
        for (change, why) in table {
            let refused = answer(&request(change)).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
