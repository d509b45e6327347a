//! Requests and replies, as text and on a socket.

mod socket;

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use edge::{REQUEST_ID, http_date};

use crate::transcript::REPLY;

pub use socket::exchange;

/// How a body that is no text is written.
const HEX: &str = "(hex)";
/// The id of every request that names none.
const ID: &str = "transcript";
/// Headers of a reply that are checked by a rule of their own and not written down: framing, which differs between a
/// connection and none; the time; and the request's own id.
const RULED: [&str; 5] = ["connection", "content-length", "date", "transfer-encoding", "x-request-id"];

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// As in the request line.
    pub method: String,
    /// Path and query, as in the request line.
    pub target: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// As sent.
    pub body: Vec<u8>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Names in lower case, sorted.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads it as a transcript has it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        let words: Vec<_> = line.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { anyhow::bail!("`{line}` is no request line: `GET /path HTTP/1.1`") };
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").with_context(|| format!("`{line}` is no header"))?;
            Ok((name.to_ascii_lowercase(), value.to_owned()))
        };
        let mut headers = lines.map(header).collect::<Result<Vec<_>>>()?;
        if !headers.iter().any(|(name, _)| REQUEST_ID == name.as_str()) {
            headers.push((REQUEST_ID.to_string(), ID.into()));
        }
        Ok(Self { method: method.into(), target: target.into(), headers, body: bytes(body)? })
    }

    /// The function that AWS's `Invoke` is asked to call, where this is that.
    pub(crate) fn invoked(&self) -> Option<&str> {
        self.target.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")
    }

    fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }
}

impl Reply {
    /// As a transcript has it, without the headers that have rules of their own.
    pub fn text(&self) -> String {
        let mut text = format!("{REPLY}{}\n", self.status);
        for (name, value) in self.headers.iter().filter(|(name, _)| !RULED.contains(&name.as_str())) {
            let _infallible = writeln!(text, "{name}: {value}");
        }
        if self.body.is_empty() {
            return text;
        }
        match std::str::from_utf8(&self.body) {
            Ok(body) if !body.starts_with(HEX) => text + "\n" + body + "\n",
            _ => text + "\n" + HEX + &self.body.iter().fold(String::new(), |hex, byte| format!("{hex} {byte:02x}")) + "\n",
        }
    }

    /// Whether the headers that are not written down are what they have to be.
    ///
    /// # Errors
    /// When one is not.
    pub fn check(&self, request: &Request, now: i64) -> Result<()> {
        if let Some(length) = value(&self.headers, "content-length").filter(|_| request.method != "HEAD") {
            ensure!(length == self.body.len().to_string(), "content-length is {length}; {} bytes came", self.body.len());
        }
        if let Some(date) = value(&self.headers, "date") {
            let near = (-2..=2).any(|off| http_date(domain::Timestamp::from_secs(now + off)) == date);
            ensure!(near, "date is `{date}`, and it is {}", http_date(domain::Timestamp::from_secs(now)));
        }
        if request.invoked().is_some() {
            // No HTTP reaches the function.
            return Ok(());
        }
        let (sent, got) = (request.header(REQUEST_ID.as_str()), value(&self.headers, REQUEST_ID.as_str()));
        ensure!(got == sent, "x-request-id is {got:?}; sent was {sent:?}");
        Ok(())
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// Text, or what `(hex)` says.
fn bytes(body: &str) -> Result<Vec<u8>> {
    let Some(hex) = body.strip_prefix(HEX) else { return Ok(body.into()) };
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).with_context(|| format!("`{byte}` is no byte"))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_is_written() {
        let request = Request::parse("PUT /a?b=c HTTP/1.1\nContent-Type: text/plain\n\none\n\ntwo").unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str(), &request.body[..]), ("PUT", "/a?b=c", &b"one\n\ntwo"[..]));
        assert_eq!((request.header("content-type"), request.header("x-request-id")), (Some("text/plain"), Some("transcript")));
        assert_eq!(Request::parse("GET / HTTP/1.1\n\n(hex) 00 ff").unwrap().body, [0, 255]);
        assert!(Request::parse("GET /").is_err() && Request::parse("GET / HTTP/1.1\nx").is_err());
    }

    #[test]
    fn replies_that_differ_are_different_text() {
        let reply = |status, body: &[u8]| Reply { status, headers: vec![("etag".into(), "x".into())], body: body.into() }.text();
        let all = [reply(200, b"ok"), reply(200, b"ok\n"), reply(200, b""), reply(204, b"ok"), reply(200, &[255]), reply(200, b"(hex) ff")];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one), "{one}");
        }
        assert_eq!(all[4], "HTTP/1.1 200\netag: x\n\n(hex) ff\n");
    }

    #[test]
    fn what_is_not_written_down_is_checked() {
        let request = Request::parse("GET / HTTP/1.1").unwrap();
        let reply = |name: &str, value: &str| {
            let headers = [("x-request-id", "transcript"), (name, value)];
            let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
            Reply { status: 200, headers, body: b"four".into() }.check(&request, 784_111_777)
        };
        assert!(reply("content-length", "4").is_ok() && reply("content-length", "5").is_err());
        assert!(reply("date", "Sun, 06 Nov 1994 08:49:37 GMT").is_ok() && reply("date", "Sun, 06 Nov 1994 08:50:37 GMT").is_err());
        let none = Reply { status: 200, headers: vec![], body: vec![] };
        assert!(none.check(&request, 0).is_err(), "no id");
    }
}
