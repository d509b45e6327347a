//! One start: how long until the first answer, and how much memory that took.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::programs::{Home, Program};
use crate::runtime_api::RuntimeApi;

/// The slowest program of all.
const LIMIT: Duration = Duration::from_secs(30);
/// Between two attempts to connect: a thirtieth of what is promised.
const LOOK_EVERY: Duration = Duration::from_micros(250);

/// Of one start.
pub(crate) struct Cost {
    pub(crate) milliseconds: f64,
    /// Peak resident set, in 10^6 bytes.
    pub(crate) megabytes: f64,
}

/// A process that ends with this value.
pub(crate) struct Running {
    child: Child,
    at: SocketAddr,
    /// Where it is a function on Lambda: what it asks for events.
    lambda: Option<RuntimeApi>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It holds nothing worth a graceful stop.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Running {
    /// Starts `program`; it need not listen yet.
    pub(crate) fn start(program: &Program) -> Result<Self> {
        let lambda = match program.home {
            Home::Server => None,
            Home::Lambda => Some(RuntimeApi::with(&program.question)?),
        };
        let at = match &lambda {
            Some(api) => api.at,
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?,
        };
        let child = (program.command)(at).stdout(Stdio::null()).spawn().context("starting it")?;
        Ok(Self { child, at, lambda })
    }

    /// What it answers to the event that it was started with, or to `request`: a server is asked until it listens.
    pub(crate) fn ask(&mut self, request: &str) -> Result<String> {
        if let Some(api) = &self.lambda {
            return api.answer(LIMIT);
        }
        let since = Instant::now();
        loop {
            if let Ok(mut line) = TcpStream::connect(self.at) {
                line.set_nodelay(true)?;
                line.write_all(request.as_bytes())?;
                return message(&mut line);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended ({status})");
            }
            ensure!(since.elapsed() < LIMIT, "no answer within {} s", LIMIT.as_secs());
            thread::sleep(LOOK_EVERY);
        }
    }

    fn peak_megabytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }
}

/// One message of HTTP, to the end of the body that `content-length` promises; empty when there is none any more.
pub(crate) fn message(line: &mut TcpStream) -> Result<String> {
    let (mut all, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        let n = line.read(&mut buffer)?;
        all.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&all);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().filter_map(|l| l.split_once(": ")).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length.and_then(|(_, n)| n.parse().ok()).is_none_or(|n: usize| body.len() >= n)
        });
        if whole || n == 0 {
            return Ok(text.into_owned());
        }
    }
}

/// Starts `program` once.
pub(crate) fn measure(program: &Program) -> Result<Cost> {
    let begun = Instant::now();
    let mut running = Running::start(program)?;
    let answer = running.ask(&program.question)?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    ensure!(answer.contains(program.expected), "expected `{}` and got `{answer}`", program.expected);
    Ok(Cost { milliseconds, megabytes: running.peak_megabytes()? })
}
