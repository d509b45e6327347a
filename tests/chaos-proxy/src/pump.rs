//! Carries the bytes of one connection: per direction one thread that reads and one that delivers when it is time.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use crate::line::{Fate, Line, Mode};
use crate::{CHUNK_BYTES, CONNECT_TIMEOUT, Direction, IN_FLIGHT_CHUNKS};

/// A chunk and when it is to arrive.
type Chunk = (Instant, Vec<u8>);

/// Starts to carry one connection, as the line is now.
pub(crate) fn carry(client: TcpStream, line: &Arc<Line>) -> io::Result<()> {
    match line.mode() {
        Mode::Cut => Ok(()),
        Mode::BlackHole => swallow(client, line),
        Mode::Carry => join(client, line),
    }
}

/// Takes all that comes and answers nothing.
fn swallow(mut client: TcpStream, line: &Arc<Line>) -> io::Result<()> {
    let Some(id) = line.add(client.try_clone()?, None) else { return Ok(()) };
    let line = Arc::clone(line);
    spawn("chaos-swallow", move || {
        let mut buffer = vec![0; CHUNK_BYTES];
        while matches!(client.read(&mut buffer), Ok(1..)) {}
        line.remove(id);
    })
}

/// Connects to the far side and carries both ways.
fn join(client: TcpStream, line: &Arc<Line>) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&line.target(), CONNECT_TIMEOUT)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let Some(id) = line.add(client.try_clone()?, Some(server.try_clone()?)) else { return Ok(()) };
    let open = Arc::new(AtomicU8::new(2));
    let back = (server.try_clone()?, client.try_clone()?);
    one_way((client, server), Direction::Up, id, line, &open)?;
    one_way(back, Direction::Down, id, line, &open)
}

/// Carries one direction. The direction that ends last takes the connection off the line.
fn one_way(ends: (TcpStream, TcpStream), direction: Direction, id: u64, line: &Arc<Line>, open: &Arc<AtomicU8>) -> io::Result<()> {
    let (from, to) = ends;
    let (sender, receiver) = sync_channel(IN_FLIGHT_CHUNKS);
    let reading = Arc::clone(line);
    spawn("chaos-read", move || read(from, direction, &reading, &sender))?;
    let (line, open, most) = (Arc::clone(line), Arc::clone(open), line.most(direction));
    spawn("chaos-deliver", move || {
        let is_last = || open.fetch_sub(1, Ordering::AcqRel) == 1;
        match deliver(to, id, &line, most, &receiver) {
            Ok(End::Told) if !is_last() => {}
            // Half-open: the far side learns nothing before the line is restored or cut.
            Ok(End::Unheard) => {}
            Ok(End::Told) | Err(_) => line.remove(id),
        }
    })
}

/// How a direction ended.
enum End {
    /// The far side was told that no more comes.
    Told,
    /// The end fell into the black hole.
    Unheard,
}

fn read(mut from: TcpStream, direction: Direction, line: &Line, to: &SyncSender<Chunk>) {
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + line.latency(direction);
        if to.send((due, buffer[..n].to_vec())).is_err() {
            return;
        }
    }
}

fn deliver(mut to: TcpStream, id: u64, line: &Line, most: Option<u64>, chunks: &Receiver<Chunk>) -> io::Result<End> {
    let mut left = most.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    for (due, bytes) in chunks {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if line.fate(id) == Fate::Deliver {
            to.write_all(&bytes[..bytes.len().min(left)])?;
            left = left.saturating_sub(bytes.len());
        }
        if left == 0 {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    match line.fate(id) {
        Fate::Deliver => to.shutdown(Shutdown::Write).map(|()| End::Told),
        Fate::Swallow => Ok(End::Unheard),
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(work).map(drop)
}
