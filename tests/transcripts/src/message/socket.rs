//! One request on a connection of its own, byte by byte: no client library stands between the transcript and the server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Reply, Request, value};

/// Longer than any answer: a command that nobody acknowledges takes 30 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends `request`, and reads the reply to the end of the connection.
///
/// # Errors
/// When there is no reply.
pub fn exchange(addr: SocketAddr, request: &Request) -> Result<Reply> {
    let mut connection = TcpStream::connect(addr).with_context(|| format!("connecting to {addr}"))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(&wire(request))?;
    let mut came = Vec::new();
    connection.read_to_end(&mut came).context("reading the reply")?;
    parse(&came).with_context(|| format!("`{}`", String::from_utf8_lossy(&came)))
}

fn wire(request: &Request) -> Vec<u8> {
    let mut wire = format!("{} {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        wire += &format!("{name}: {value}\r\n");
    }
    if !request.body.is_empty() || request.method != "GET" {
        wire += &format!("content-length: {}\r\n", request.body.len());
    }
    [wire.as_bytes(), b"\r\n", &request.body].concat()
}

fn parse(came: &[u8]) -> Result<Reply> {
    let end = came.windows(4).position(|four| four == b"\r\n\r\n").context("no end of the headers")?;
    let (head, body) = (std::str::from_utf8(&came[..end])?, &came[end + 4..]);
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("`{line}` is no status line"))?;
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let mut headers = lines.map(|line| header(line).with_context(|| format!("`{line}` is no header"))).collect::<Result<Vec<_>>>()?;
    headers.sort();
    let body = if value(&headers, "transfer-encoding") == Some("chunked") { joined(body)? } else { body.into() };
    Ok(Reply { status, headers, body })
}

/// RFC 9112, section 7.1, without trailers.
fn joined(mut chunks: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|two| two == b"\r\n").context("a chunk without its length")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..end])?, 16)?;
        chunks = &chunks[end + 2..];
        if length == 0 {
            return Ok(body);
        }
        ensure!(chunks.len() >= length + 2, "a chunk of {length} bytes has {}", chunks.len());
        body.extend_from_slice(&chunks[..length]);
        chunks = &chunks[length + 2..];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_in_one_piece_or_in_chunks() {
        let whole = parse(b"HTTP/1.1 404 Not Found\r\nB: 2\r\na: 1\r\n\r\ngone").unwrap();
        assert_eq!((whole.status, &whole.body[..], whole.headers[0].0.as_str()), (404, &b"gone"[..], "a"));
        let chunked = parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n").unwrap();
        assert_eq!(chunked.body, b"onetwo");
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\none").is_err() && parse(b"HTTP/1.1 200").is_err());
    }
}
