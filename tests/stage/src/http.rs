//! Enough of HTTP/1.1 to talk to our own services and to emulators on this machine: one connection, kept open.

use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body read.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `null` when empty.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn json(&self) -> Result<Value> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The reply itself when its status is 2xx.
    ///
    /// # Errors
    /// Otherwise, with status and body.
    pub fn success(self, what: &str) -> Result<Self> {
        ensure!((200..300).contains(&self.status), "{what}: HTTP {}: {}", self.status, self.text().trim());
        Ok(self)
    }
}

/// A client of one address. Connects when asked, again when the other side had closed an idle connection.
#[derive(Debug)]
pub struct Http {
    addr: SocketAddr,
    /// Header lines of each request.
    headers: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Http {
    /// A client of `addr`.
    pub fn to(addr: SocketAddr) -> Self {
        Self { addr, headers: String::new(), connection: None }
    }

    /// The same with `authorization: Bearer …` on each request.
    #[must_use]
    pub fn with_bearer(self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The same with one more header on each request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// When there is no answer; an answer of any status is not an error.
    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> Result<Reply> {
        self.send(method, path, "application/json", body.to_string().as_bytes())
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no answer; an answer of any status is not an error.
    pub fn get(&mut self, path: &str) -> Result<Reply> {
        self.send("GET", path, "application/json", b"")
    }

    /// Sends a body of any type.
    ///
    /// # Errors
    /// When there is no answer; an answer of any status is not an error.
    pub fn send(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Reply> {
        let (addr, headers) = (self.addr, self.headers.as_str());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {addr}\r\n{headers}content-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.exchange(&request).with_context(|| format!("{method} http://{addr}{path}"))
    }

    fn exchange(&mut self, request: &[u8]) -> Result<Reply> {
        if let Some(kept) = self.connection.take()
            && let Some((reply, connection)) = ask(kept, request)?
        {
            self.connection = connection;
            return Ok(reply);
        }
        let stream = TcpStream::connect(self.addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let (reply, connection) = ask(BufReader::new(stream), request)?.context("closed without an answer")?;
        self.connection = connection;
        Ok(reply)
    }
}

type Answered = (Reply, Option<BufReader<TcpStream>>);

/// One request and its answer; `None` when the other side had closed before it began to answer.
fn ask(mut connection: BufReader<TcpStream>, request: &[u8]) -> Result<Option<Answered>> {
    let mut status = String::new();
    let asked = connection.get_mut().write_all(request).and_then(|()| connection.read_line(&mut status));
    match asked {
        Ok(0) => return Ok(None),
        Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return Ok(None),
        asked => asked?,
    };
    let code = status.split(' ').nth(1).and_then(|c| c.parse().ok());
    let status = code.with_context(|| format!("not an HTTP answer: {status:?}"))?;
    let head = read_head(&mut connection)?;
    let body = read_body(&mut connection, &head)?;
    Ok(Some((Reply { status, body }, (!head.closes).then_some(connection))))
}

#[derive(Default)]
struct Head {
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
}

fn read_head(from: &mut BufReader<TcpStream>) -> Result<Head> {
    let mut head = Head::default();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        let Some((name, value)) = line.split_once(':') else {
            ensure!(line.is_empty(), "not a header: {line:?}");
            return Ok(head);
        };
        match (name, value.trim()) {
            ("content-length", n) => head.length = Some(n.parse()?),
            ("transfer-encoding", "chunked") => head.is_chunked = true,
            ("connection", "close") => head.closes = true,
            _ => {}
        }
    }
}

fn read_body(from: &mut BufReader<TcpStream>, head: &Head) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if !head.is_chunked {
        let length = head.length.unwrap_or(if head.closes { MAX_BODY_BYTES } else { 0 });
        ensure!(length <= MAX_BODY_BYTES, "an answer of {length} bytes exceeds {MAX_BODY_BYTES}");
        from.take(length).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Ok(size) = u64::from_str_radix(line.trim(), 16) else { bail!("not a chunk: {line:?}") };
        ensure!(body.len() as u64 + size <= MAX_BODY_BYTES, "an answer exceeds {MAX_BODY_BYTES} bytes");
        from.take(size).read_to_end(&mut body)?;
        from.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}
