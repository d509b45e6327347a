//! MQTT over WebSocket: the HTTP request before it.

use hyper::Request;
use hyper::client::conn::http1;
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use websocket::ByteStream;

use super::stream::{Line, Stream};
use crate::config::Bridge;

/// Largest message that the bridge may send. Packets are bounded by MQTT; ours comes in frames of 64 KiB at most.
const MAX_MESSAGE_BYTES: usize = 300 * 1024;

/// Asks for the upgrade; says what went wrong. The caller bounds the time.
pub(super) async fn open(line: Line, bridge: &Bridge, path: &str) -> Result<Box<dyn Stream>, String> {
    let asked = websocket::ask(&bridge.authority(), path).map_err(said)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(line)).await.map_err(said)?;
    let (head, ()) = asked.request.clone().into_parts();
    let opening = async move {
        let response = sender.send_request(Request::from_parts(head, String::new())).await.map_err(said)?;
        asked.check(&response).map_err(said)?;
        upgrade::on(response).await.map_err(said)
    };
    // The connection is done once it is upgraded, or `sender` is gone.
    let (upgraded, _ended) = tokio::join!(opening, connection.with_upgrades());
    Ok(Box::new(ByteStream::of_client(TokioIo::new(upgraded?), MAX_MESSAGE_BYTES)))
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
