//! `drawbridge-shim send`: readings from standard input or a file, over the Unix socket, pipelined.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::{Value, json};

use crate::cli::{self, SendOptions};
use crate::config::{Config, ConfigError};

/// Readings written and not yet answered.
const WINDOW: usize = 256;

/// Why sending stopped.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Where the socket is, is not known.
    #[error("{0}; or name the socket with --socket")]
    Config(#[from] ConfigError),
    /// Nobody answers there.
    #[error("no shim answers at {socket}: {source}. Start it with `drawbridge-shim run`")]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The input cannot be read, or the connection broke.
    #[error("{what}: {source}")]
    Io {
        /// What failed.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// What became of the readings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Read from the input.
    pub given: u64,
    /// Made durable by the shim.
    pub durable: u64,
    /// The first refusal.
    pub refusal: Option<String>,
}

/// Where the running shim listens.
///
/// # Errors
/// [`SendError::NotRunning`].
pub fn connect(socket: &Path) -> Result<UnixStream, SendError> {
    UnixStream::connect(socket).map_err(|source| SendError::NotRunning { socket: socket.into(), source })
}

/// `drawbridge-shim send`: 0 when every reading is durable, 1 otherwise.
#[must_use]
pub fn main(options: &SendOptions) -> ExitCode {
    match send(options) {
        Ok(Outcome { given, durable, refusal: None }) if given == durable => {
            cli::print(&format!("{durable} of {given} readings are durable\n"))
        }
        Ok(Outcome { given, durable, refusal }) => {
            let why = refusal.unwrap_or_else(|| "the shim closed the connection".into());
            cli::fail(1, &format!("{durable} of {given} readings are durable: {why}"))
        }
        Err(error) => cli::fail(1, &error),
    }
}

/// Sends the whole input.
///
/// # Errors
/// [`SendError`] when the input or the connection fails; readings answered before are durable.
pub fn send(options: &SendOptions) -> Result<Outcome, SendError> {
    let socket = match &options.socket {
        Some(socket) => socket.clone(),
        None => Config::load(&options.config)?.accept.unix,
    };
    let failed = |what: String| move |source| SendError::Io { what, source };
    let stream = connect(&socket)?;
    let answers = BufReader::new(stream.try_clone().map_err(failed("the socket cannot be read".into()))?);
    let mut input = open(options).map_err(failed("the input cannot be read".into()))?;
    let (claim, under_way) = sync_channel(WINDOW);
    std::thread::scope(|scope| {
        let counting = scope.spawn(move || count_answers(answers, &under_way));
        let written = write_readings(options, &mut input, io::BufWriter::new(stream), &claim);
        drop(claim);
        let mut outcome = counting.join().unwrap_or_default();
        outcome.given = written.map_err(failed("sending failed".into()))?;
        Ok(outcome)
    })
}

fn open(options: &SendOptions) -> io::Result<Box<dyn BufRead>> {
    match &options.file {
        Some(path) => Ok(Box::new(BufReader::new(std::fs::File::open(path)?))),
        None => Ok(Box::new(BufReader::new(io::stdin()))),
    }
}

/// Returns how many readings the input had. Stops early when the shim is gone: then answers are missing.
fn write_readings(
    options: &SendOptions,
    input: &mut dyn BufRead,
    mut out: io::BufWriter<UnixStream>,
    claim: &SyncSender<()>,
) -> io::Result<u64> {
    let kind = if options.state { "state" } else { "events" };
    let mut given = 0;
    while let Some(payload) = next_payload(options, input)? {
        given += 1;
        // A full window needs the answers, and these need what is still in the buffer.
        if claim.try_send(()).is_err() && (out.flush().is_err() || claim.send(()).is_err()) {
            break;
        }
        let header = json!({"kind": kind, "subfolder": options.subfolder, "len": payload.len()});
        if writeln!(out, "{header}").and_then(|()| out.write_all(&payload)).is_err() {
            break;
        }
    }
    if let Ok(stream) = out.into_inner() {
        stream.shutdown(std::net::Shutdown::Write)?;
    }
    Ok(given)
}

fn next_payload(options: &SendOptions, input: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut payload = Vec::new();
    if options.lines {
        if input.read_until(b'\n', &mut payload)? == 0 {
            return Ok(None);
        }
        if payload.last() == Some(&b'\n') {
            payload.pop();
        }
        return Ok(Some(payload));
    }
    let read = input.read_to_end(&mut payload)?;
    Ok((read > 0).then_some(payload))
}

fn count_answers(answers: impl BufRead, under_way: &Receiver<()>) -> Outcome {
    let mut outcome = Outcome::default();
    for line in answers.lines() {
        let Ok(line) = line else { break };
        let answer: Value = serde_json::from_str(&line).unwrap_or_default();
        match answer["error"].as_str() {
            None => outcome.durable += 1,
            Some(error) => drop(outcome.refusal.get_or_insert_with(|| error.to_owned())),
        }
        if under_way.recv().is_err() {
            break;
        }
    }
    outcome
}

/// One request without payload, and its answer.
///
/// # Errors
/// [`SendError`] when nobody answers.
pub fn ask(socket: &Path, kind: &str) -> Result<String, SendError> {
    let failed = |source| SendError::Io { what: format!("asking {} failed", socket.display()), source };
    let mut stream = connect(socket)?;
    writeln!(stream, "{}", json!({ "kind": kind })).map_err(failed)?;
    stream.shutdown(std::net::Shutdown::Write).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    Ok(answer)
}
