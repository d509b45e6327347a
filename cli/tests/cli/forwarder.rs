//! A wire to an installation on which something happens at a chosen moment.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What becomes of a change that is on its way.
#[derive(PartialEq, Eq)]
pub(crate) enum Then {
    Pass,
    /// It never arrives, and nothing more on its connection does.
    Hold,
}

/// Listens, and hands each byte on to `to`; `at` is asked with the number of each POST, from 1 on.
pub(crate) fn forward(to: SocketAddr, at: impl Fn(usize) -> Then + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (at, posts) = (Arc::new(at), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).unwrap();
            let (back, client_back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pump(back, client_back, |_| Then::Pass));
            let (at, posts) = (at.clone(), posts.clone());
            thread::spawn(move || {
                pump(
                    client,
                    server,
                    |bytes| if bytes.starts_with(b"POST ") { at(posts.fetch_add(1, Ordering::SeqCst) + 1) } else { Then::Pass },
                )
            });
        }
    });
    address
}

fn pump(mut from: TcpStream, mut to: TcpStream, decide: impl Fn(&[u8]) -> Then) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if decide(&buffer[..read]) == Then::Hold {
            // Until the other side gives up.
            while matches!(from.read(&mut buffer), Ok(1..)) {}
            break;
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _closed = to.shutdown(Shutdown::Both);
}
