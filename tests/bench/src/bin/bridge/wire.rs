//! The few packets a load needs, written once and sent often, so that the generator costs little beside the server.

use anyhow::{Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::server::{REGISTRY, device_id};

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut out, mut length) = (vec![first], body.len());
    loop {
        let low = (length & 0x7F) as u8;
        length >>= 7;
        out.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            out.extend_from_slice(body);
            return out;
        }
    }
}

fn text(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as u16).to_be_bytes());
    out.extend(s.bytes());
}

/// CONNECT of the `n`th device, keep-alive ten minutes.
pub(crate) fn connect(n: usize, token: &str) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x04\xC2\x02\x58".to_vec();
    text(&mut body, &format!("{REGISTRY}/devices/{}", device_id(n)));
    text(&mut body, "unused");
    text(&mut body, token);
    packet(0x10, &body)
}

/// A QoS 1 publish of the `n`th device, and where its packet id stands.
pub(crate) fn publish(n: usize, payload: usize) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    text(&mut body, &format!("/devices/{}/events", device_id(n)));
    let id_in_body = body.len();
    body.extend([0, 1]);
    body.extend(std::iter::repeat_n(b'x', payload));
    let whole = packet(0x32, &body);
    let id = whole.len() - body.len() + id_in_body;
    (whole, id)
}

/// Sends CONNECT, reads CONNACK.
pub(crate) async fn enter<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, connect: &[u8]) -> Result<()> {
    stream.write_all(connect).await?;
    stream.flush().await?;
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).await?;
    ensure!(connack == [0x20, 2, 0, 0], "CONNACK {connack:02x?}");
    Ok(())
}
