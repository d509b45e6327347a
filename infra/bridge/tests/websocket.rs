//! Devices that come over HTTP: the same session in WebSocket frames, and what is refused before and after the upgrade.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use infra_bridge::Limits;
use support::client::{Client, Got, connect, packet, publish};
use support::sink::Mood;
use support::{Rig, client_id, eventually, limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use websocket::ByteStream;

const EVENTS: &str = "/devices/dev/events";
const OPENING: &str = "GET /mqtt HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A bridge behind an HTTP server.
struct Http {
    rig: Rig,
    addr: SocketAddr,
}

async fn http(limits: Limits) -> Http {
    let rig = Rig::with(limits).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let routes = rig.bridge.routes();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Http { rig, addr }
}

/// Sends `request` and reads the head of the answer.
async fn ask(addr: SocketAddr, request: &str) -> (TcpStream, String) {
    let mut line = TcpStream::connect(addr).await.unwrap();
    line.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.unwrap());
    }
    (line, String::from_utf8(head).unwrap())
}

impl Http {
    /// A line whose upgrade was answered.
    async fn line(&self) -> TcpStream {
        let (line, head) = ask(self.addr, OPENING).await;
        assert!(head.starts_with("HTTP/1.1 101 ") && head.to_lowercase().contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
        // The key of RFC 6455, 1.3, and its answer there.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        line
    }

    /// A device that was let in.
    async fn device(&self, level: u8) -> Client {
        let mut device = Client::over(Box::new(ByteStream::of_client(self.line().await, 1 << 20)), level);
        device.send(&connect(level, &client_id("dev"), &self.rig.key.token(), 60)).await;
        assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
        device
    }
}

/// A frame of a client, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(0x80 | u8::try_from(len).unwrap()),
        Ok(len) => frame.extend([vec![0x80 | 126], len.to_be_bytes().to_vec()].concat()),
        Err(_) => frame.extend([vec![0x80 | 127], (payload.len() as u64).to_be_bytes().to_vec()].concat()),
    }
    frame.extend([[0; 4].as_slice(), payload].concat());
    frame
}

/// Everything up to the end, out of the frames of a server: the bytes, and the code and reason of its Close.
async fn said(line: &mut TcpStream) -> (Vec<u8>, u16, String) {
    let mut bytes = Vec::new();
    loop {
        let (first, len) = (line.read_u8().await.unwrap(), line.read_u8().await.unwrap());
        let len = if len == 126 { line.read_u16().await.unwrap().into() } else { usize::from(len) };
        let mut payload = vec![0; len];
        line.read_exact(&mut payload).await.unwrap();
        match first {
            0x82 => bytes.extend(payload),
            0x88 => return (bytes, u16::from_be_bytes([payload[0], payload[1]]), String::from_utf8(payload[2..].to_vec()).unwrap()),
            other => panic!("a frame of kind {other:#x}"),
        }
    }
}

#[tokio::test]
async fn a_device_publishes_and_is_acknowledged_in_both_versions() {
    let http = http(limits()).await;
    for (level, id) in [(4, 1), (5, 2)] {
        let mut device = http.device(level).await;
        device.publish(EVENTS, 1, id, b"x").await;
        assert_eq!(device.next().await, Got::PubAck(id));
        device.subscribe(3, &[("/devices/dev/config", 1)]).await;
        assert_eq!(device.next().await, Got::SubAck(3, vec![1]));
        let Got::Publish { topic, .. } = device.next().await else { panic!("no configuration") };
        assert_eq!(topic, "/devices/dev/config");
    }
    assert_eq!(http.rig.sink.len(), 2);
}

#[tokio::test]
async fn packets_need_not_align_with_frames() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    let stream =
        [connect(5, &client_id("dev"), &http.rig.key.token(), 60), publish(5, EVENTS, 1, 1, &[7; 500]), publish(5, EVENTS, 1, 2, b"y")];
    let stream = stream.concat();
    for piece in stream.chunks(7) {
        line.write_all(&frame(0x82, piece)).await.unwrap();
    }
    line.write_all(&frame(0x82, &packet(0xE0, &[]))).await.unwrap();
    let (bytes, code, _) = said(&mut line).await;
    assert_eq!(bytes[0], 0x20, "a CONNACK");
    assert!(bytes.ends_with(b"\x40\x02\x00\x01\x40\x02\x00\x02"), "{bytes:?}");
    assert_eq!(code, 1000);
}

#[tokio::test]
async fn a_request_that_is_no_opening_of_mqtt_is_refused_in_a_sentence() {
    let http = http(limits()).await;
    let without = |line: &str| OPENING.replace(line, "");
    for (request, status, text) in [
        ("GET /mqtt HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(), StatusCode::UPGRADE_REQUIRED, "connect with a WebSocket client"),
        (OPENING.replace("Version: 13", "Version: 8"), StatusCode::UPGRADE_REQUIRED, "must be 13"),
        (without("Sec-WebSocket-Protocol: mqtt\r\n"), StatusCode::BAD_REQUEST, "must be `mqtt`, and the client offers none"),
        (OPENING.replace("mqtt\r\n\r\n", "wamp\r\n\r\n"), StatusCode::BAD_REQUEST, "must be `mqtt`, and the client offers `wamp`"),
        (without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), StatusCode::BAD_REQUEST, "handshake is broken"),
    ] {
        let (mut line, head) = ask(http.addr, &request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        let mut body = vec![0; 200];
        let read = line.read(&mut body).await.unwrap();
        assert!(String::from_utf8_lossy(&body[..read]).contains(text), "{}", String::from_utf8_lossy(&body[..read]));
    }
    let counted = http.rig.bridge.counters();
    assert_eq!((counted.refused_upgrade, counted.accepted), (5, 0));
}

#[tokio::test]
async fn a_text_frame_ends_the_session_with_1003_and_its_reason() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    line.write_all(&frame(0x82, &connect(5, &client_id("dev"), &http.rig.key.token(), 60))).await.unwrap();
    line.write_all(&frame(0x81, b"hello")).await.unwrap();
    let (bytes, code, reason) = said(&mut line).await;
    assert!(code == 1003 && reason.contains("MQTT travels in binary frames"), "{code} {reason}");
    assert!(String::from_utf8_lossy(&bytes).contains("text frame"), "the DISCONNECT says it too");
    assert!(http.rig.last_error("dev").await.contains("text frame"));
    assert_eq!(http.rig.bridge.counters().ended_malformed, 1);
}

#[tokio::test]
async fn before_it_is_let_in_a_device_may_send_no_more_than_a_connect() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    // The header alone: 300,000 bytes are announced.
    line.write_all(&frame(0x82, &vec![0; 300_000])[..14]).await.unwrap();
    let (_, code, reason) = said(&mut line).await;
    assert!(code == 1009 && reason.contains("300000 bytes exceeds the limit of 16389"), "{code} {reason}");
    eventually("the refusal", || http.rig.bridge.counters().refused_broken == 1).await;
}

#[tokio::test]
async fn a_message_has_the_length_of_mqtts_longest_packet_once_the_device_is_let_in() {
    let http = http(limits()).await;
    let mut device = http.device(5).await;
    device.publish(EVENTS, 1, 1, &vec![0; 256 * 1024]).await;
    assert_eq!(device.next().await, Got::PubAck(1));
    let mut line = http.line().await;
    line.write_all(&frame(0x82, &connect(5, &client_id("dev"), &http.rig.key.token(), 60))).await.unwrap();
    eventually("the second session", || http.rig.bridge.counters().connects == 2).await;
    line.write_all(&frame(0x82, &vec![0; 294_918])[..14]).await.unwrap();
    let (_, code, reason) = said(&mut line).await;
    assert!(code == 1009 && reason.contains("294918 bytes exceeds the limit of 294917"), "{code} {reason}");
}

#[tokio::test]
async fn a_ping_frame_is_answered_and_a_close_frame_confirmed() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    line.write_all(&frame(0x82, &connect(4, &client_id("dev"), &http.rig.key.token(), 60))).await.unwrap();
    let mut connack = [0; 6];
    line.read_exact(&mut connack).await.unwrap();
    line.write_all(&frame(0x89, b"hi")).await.unwrap();
    let mut pong = [0; 4];
    line.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8A\x02hi");
    line.write_all(&frame(0x88, &1000_u16.to_be_bytes())).await.unwrap();
    let (_, code, _) = said(&mut line).await;
    assert_eq!(code, 1000);
    eventually("the end", || http.rig.bridge.counters().ended_lost == 1).await;
}

#[tokio::test]
async fn a_refusal_of_3_1_1_stands_in_the_close_frame() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    line.write_all(&frame(0x82, &connect(4, &client_id("dev"), &support::keys::Key::ec().token(), 60))).await.unwrap();
    let (bytes, code, reason) = said(&mut line).await;
    assert_eq!((bytes.as_slice(), code), (b"\x20\x02\x00\x05".as_slice(), 1000));
    assert!(reason.contains("no unexpired key of the device verifies"), "{reason}");
}

#[tokio::test]
async fn whoever_upgrades_and_says_nothing_is_closed_at_the_deadline() {
    let http = http(Limits { connect_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut silent = http.line().await;
    let mut trickling = http.line().await;
    trickling.write_all(&frame(0x82, &connect(4, &client_id("dev"), "x", 60))[..20]).await.unwrap();
    for line in [&mut silent, &mut trickling] {
        assert_eq!(line.read(&mut [0; 16]).await.unwrap(), 0);
    }
    assert_eq!(http.rig.bridge.counters().refused_silent, 2);
}

#[tokio::test]
async fn upgrades_without_connect_cost_a_bounded_room_and_stop_nobody() {
    let http = http(Limits { max_waiting: 50, grace: Duration::from_millis(20), ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(http.line().await);
        assert!(http.rig.bridge.counters().waiting <= 50);
    }
    let start = Instant::now();
    let mut device = http.device(5).await;
    device.publish(EVENTS, 1, 1, b"x").await;
    assert_eq!(device.next().await, Got::PubAck(1));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let counted = http.rig.bridge.counters();
    assert!(counted.waiting <= 50 && counted.refused_evicted >= 350, "{counted:?}");
}

#[tokio::test]
async fn a_full_room_answers_503_after_the_deadline() {
    let full = Limits { max_waiting: 1, grace: Duration::from_secs(60), connect_timeout: Duration::from_millis(300), ..limits() };
    let http = http(full).await;
    let _waits = TcpStream::connect(http.rig.addr).await.unwrap();
    eventually("one that waits", || http.rig.bridge.counters().waiting == 1).await;
    // Accepted, and first in the line for a place.
    let _next = TcpStream::connect(http.rig.addr).await.unwrap();
    eventually("the next", || http.rig.bridge.counters().accepted == 2).await;
    let (_, head) = ask(http.addr, OPENING).await;
    assert!(head.starts_with("HTTP/1.1 503") && head.to_lowercase().contains("retry-after: 1\r\n"), "{head}");
    assert_eq!(http.rig.bridge.counters().refused_upgrade, 1);
}

#[tokio::test]
async fn a_session_ends_in_order_before_it_is_too_old() {
    let http = http(Limits { max_session: Some(Duration::from_millis(600)), ..limits() }).await;
    http.rig.sink.set(Mood::Slow(Duration::from_millis(400)));
    let mut device = http.device(5).await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(300)).await;
    device.publish(EVENTS, 1, 1, b"at the last moment").await;
    assert_eq!(device.next().await, Got::PubAck(1), "what was taken is acknowledged");
    let (code, reason) = device.closed().await.unwrap();
    assert!(code == 0xA0 && reason.contains("connect again"), "{code:#x} {reason}");
    assert!(start.elapsed() >= Duration::from_millis(690), "{:?}: it waited for the publisher", start.elapsed());
    assert_eq!(http.rig.bridge.counters().ended_max_session, 1);
    assert_eq!(http.rig.status("dev").await.last_error, None, "the device did nothing wrong");
    let again = http.device(5).await;
    drop(again);
}

#[tokio::test]
async fn a_stop_finishes_websocket_sessions_and_says_going_away() {
    let http = http(limits()).await;
    let mut line = http.line().await;
    let hello = [connect(5, &client_id("dev"), &http.rig.key.token(), 60), publish(5, EVENTS, 1, 1, b"x")].concat();
    http.rig.sink.set(Mood::Slow(Duration::from_millis(300)));
    line.write_all(&frame(0x82, &hello)).await.unwrap();
    eventually("the publish", || http.rig.bridge.counters().publishes == 1).await;
    let bridge = http.rig.bridge.clone();
    let stopped = tokio::spawn(async move { bridge.stop().await });
    let (bytes, code, reason) = said(&mut line).await;
    assert!(bytes.windows(4).any(|b| b == b"\x40\x02\x00\x01"), "no PUBACK in {bytes:?}");
    assert!(code == 1001 && reason.contains("shutting down"), "{code} {reason}");
    drop(line);
    stopped.await.unwrap();
    let (_, head) = ask(http.addr, OPENING).await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
}
