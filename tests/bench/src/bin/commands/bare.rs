//! A request and its reply over nats-server between two plain sockets: no library, no task, nothing to leave out.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::timed;

/// As many bytes as a small command has on the bus.
const BYTES: usize = 32;

/// Who asks. The answering thread ends with its connection, which ends with the server.
pub(crate) struct Bare(Socket);

impl Bare {
    pub(crate) fn start(at: SocketAddr) -> Result<Self> {
        let mut answerer = Socket::subscribed(at, "bare.ask")?;
        thread::spawn(move || while answerer.take().and_then(|reply| answerer.publish(&reply, None)).is_ok() {});
        Ok(Self(Socket::subscribed(at, "bare.answer")?))
    }

    pub(crate) fn ask(&mut self) -> Result<Duration> {
        let socket = &mut self.0;
        Ok(timed(|| socket.publish("bare.ask", Some("bare.answer")).and_then(|()| socket.take()))?.0)
    }
}

struct Socket(BufReader<TcpStream>);

impl Socket {
    fn subscribed(at: SocketAddr, subject: &str) -> Result<Self> {
        let stream = TcpStream::connect(at)?;
        stream.set_nodelay(true)?;
        let mut socket = Self(BufReader::new(stream));
        socket.line()?;
        socket.write(&format!("CONNECT {{\"verbose\":false}}\r\nSUB {subject} 1\r\nPING\r\n"))?;
        while socket.line()? != "PONG" {}
        Ok(socket)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        Ok(self.0.get_mut().write_all(text.as_bytes())?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.0.read_line(&mut line)? > 0, "nats-server closed the connection");
        Ok(line.trim_end().to_owned())
    }

    fn publish(&mut self, to: &str, reply: Option<&str>) -> Result<()> {
        let reply = reply.map(|r| format!(" {r}")).unwrap_or_default();
        self.write(&format!("PUB {to}{reply} {BYTES}\r\n{}\r\n", "x".repeat(BYTES)))
    }

    /// Takes the next message; answers where its reply goes, empty when nowhere.
    fn take(&mut self) -> Result<String> {
        loop {
            let line = self.line()?;
            let mut words = line.split(' ');
            match words.next() {
                Some("MSG") => {
                    let reply = words.nth(2).filter(|w| w.parse::<usize>().is_err()).unwrap_or_default().to_owned();
                    self.0.read_exact(&mut [0; BYTES + 2])?;
                    return Ok(reply);
                }
                Some("PING") => self.write("PONG\r\n")?,
                _ => {}
            }
        }
    }
}
