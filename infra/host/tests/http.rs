//! The one port of a process: functions, health, and MQTT over WebSocket; and what a connection may cost that asks for nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use host::config::Config;
use host::{function, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

const OPENING: &str = "GET /mqtt HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

async fn ask(at: SocketAddr, request: &str) -> (TcpStream, String) {
    let mut line = TcpStream::connect(at).await.unwrap();
    line.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.unwrap());
    }
    (line, String::from_utf8(head).unwrap())
}

#[tokio::test]
async fn a_bridge_with_http_alone_upgrades_on_the_port_of_its_health_and_counts_it() {
    let topics = tempfile::tempdir().unwrap();
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "bridge".to_owned()),
        ("DRAWBRIDGE_RECORDS", "memory:".to_owned()),
        ("DRAWBRIDGE_PUBLISHER", format!("log:{}", topics.path().display())),
        ("DRAWBRIDGE_HTTP", "127.0.0.1:0".to_owned()),
        ("DRAWBRIDGE_METRICS", "127.0.0.1:0".to_owned()),
    ];
    let config = Config::read(&variables.map(|(name, value)| (name.to_owned(), value)).into()).unwrap();
    let running = function::start(config).await.unwrap();
    let (at, metrics) = (running.addresses.http, running.addresses.metrics.unwrap());
    assert!(ask(at, "GET /healthz HTTP/1.1\r\nHost: b\r\n\r\n").await.1.starts_with("HTTP/1.1 200"));
    let (mut line, head) = ask(at, OPENING).await;
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert!(ask(at, "GET /mqtt HTTP/1.1\r\nHost: b\r\n\r\n").await.1.starts_with("HTTP/1.1 426"));
    let text = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    for line in [
        "drawbridge_requests_total{function=\"bridge\",code=\"101\"} 1",
        "drawbridge_requests_total{function=\"bridge\",code=\"426\"} 1",
        "drawbridge_bridge_accepted_total 1",
        "drawbridge_bridge_waiting 1",
        "drawbridge_bridge_refused_upgrade_total 1",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
    }
    let began = Instant::now();
    running.shut_down().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}: an upgrade without CONNECT holds up nobody", began.elapsed());
    assert!(matches!(line.read(&mut [0; 16]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_first_request_that_trickles_in_is_cut_at_the_deadline_and_others_are_served_meanwhile() {
    let (listener, at) = serve::listen("--http", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stop = watch::Sender::new(false);
    let app = Router::new().route("/ok", get(async || "ok"));
    let serving = tokio::spawn(serve::http(listener, app, serve::stopped(&stop)));
    let before = serve::http_counters().silent;
    let mut slow = TcpStream::connect(at).await.unwrap();
    let began = Instant::now();
    let trickled = async {
        for byte in OPENING.bytes().cycle() {
            if slow.write_all(&[byte]).await.is_err() || timeout(Duration::from_millis(300), slow.read_u8()).await.is_ok() {
                return began.elapsed();
            }
            // A request must never be complete.
            if byte == b'\n' {
                slow.write_all(b"X: ").await.ok();
            }
        }
        unreachable!("a cycle has no end")
    };
    let others = async {
        let (mut line, head) = ask(at, "GET /ok HTTP/1.1\r\nHost: b\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        // What has asked once may be idle for longer.
        tokio::time::sleep(Duration::from_secs(11)).await;
        line.read_exact(&mut [0; 2]).await.unwrap();
        line.write_all(b"GET /ok HTTP/1.1\r\nHost: b\r\n\r\n").await.unwrap();
        assert_eq!(line.read_u8().await.unwrap(), b'H');
    };
    let (took, ()) = tokio::join!(timeout(Duration::from_secs(30), trickled), others);
    let took = took.unwrap();
    assert!((9..13).contains(&took.as_secs()), "{took:?}");
    assert_eq!(serve::http_counters().silent, before + 1);
    stop.send_replace(true);
    timeout(Duration::from_secs(3), serving).await.unwrap().unwrap();
}
