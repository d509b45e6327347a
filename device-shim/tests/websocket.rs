//! A place that speaks HTTP, and not MQTT over WebSocket: what is said of it.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use support::shim::{Shim, run};

/// Answers every request with this, and keeps what came.
fn answering(answer: &'static str) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (tell, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut line in listener.incoming().map_while(Result::ok) {
            let mut head = vec![0; 4096];
            let read = line.read(&mut head).unwrap();
            let _nobody_asks = tell.send(String::from_utf8_lossy(&head[..read]).into_owned());
            line.write_all(answer.as_bytes()).unwrap();
        }
    });
    (addr, asked)
}

#[test]
fn what_is_no_bridge_over_websocket_is_named_with_what_to_do() {
    for (answer, problem) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "the answer was 404 Not Found instead of an upgrade to WebSocket"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n",
            "the upgrade to WebSocket was answered without the proof of our key",
        ),
    ] {
        let (addr, asked) = answering(answer);
        let shim = Shim::configure(addr, "");
        let config = std::fs::read_to_string(shim.config()).unwrap();
        let there = format!("ws://{addr}/some/path");
        std::fs::write(shim.config(), config.replace(&format!("mqtt://{addr}"), &there)).unwrap();
        let doctor = run(&["doctor", "--config", shim.config().to_str().unwrap()], "");
        let said = String::from_utf8(doctor.stdout).unwrap();
        assert!(said.contains(&format!("cannot open a WebSocket at {there}: {problem}")), "{said}");
        assert!(said.contains("is `/some/path` its path? Ours is /mqtt."), "{said}");
        let head = asked.recv().unwrap();
        assert!(head.starts_with("GET /some/path HTTP/1.1\r\n") && head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
    }
}
