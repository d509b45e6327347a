//! What each fault does to a real connection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use chaos_proxy::{ChaosProxy, Direction, MAX_CONNECTIONS};

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(200);

/// Answers every byte with the same byte.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(200) {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

fn dial(line: &ChaosProxy) -> TcpStream {
    let stream = TcpStream::connect(line.addr()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    answer
}

fn is_over(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(e) => !matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < SOON, "{what}: not within {SOON:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_whole_line_carries_all_bytes_in_order() {
    let line = ChaosProxy::to(echo()).unwrap();
    let mut stream = dial(&line);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let mut writer = stream.try_clone().unwrap();
    let copy = sent.clone();
    let writing = thread::spawn(move || writer.write_all(&copy).unwrap());
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).unwrap();
    writing.join().unwrap();
    assert_eq!(received, sent);
    assert_eq!((line.live(), line.carried()), (1, 1));
}

#[test]
fn an_end_reaches_the_other_side() {
    let line = ChaosProxy::to(echo()).unwrap();
    let mut stream = dial(&line);
    assert_eq!(ask(&mut stream, b"last words"), b"last words");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(is_over(&mut stream), "the echo ends when its input ends");
    wait_until("the connection leaves the line", || line.live() == 0);
}

#[test]
fn a_cut_ends_live_connections_and_refuses_new_ones_until_restored() {
    let line = ChaosProxy::to(echo()).unwrap();
    let mut before = dial(&line);
    assert_eq!(ask(&mut before, b"1"), b"1");
    line.cut();
    assert!(is_over(&mut before));
    assert!(is_over(&mut dial(&line)), "a new connection ends without an answer");
    assert_eq!(line.live(), 0);
    line.restore();
    assert_eq!(ask(&mut dial(&line), b"2"), b"2");
}

#[test]
fn a_delay_is_added_each_way_and_does_not_narrow_the_line() {
    let line = ChaosProxy::to(echo()).unwrap();
    line.delay(SHORT);
    let mut stream = dial(&line);
    let start = Instant::now();
    for _ in 0..20 {
        stream.write_all(&[7; 100]).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    stream.read_exact(&mut [0; 2000]).unwrap();
    let took = start.elapsed();
    assert!(took >= SHORT * 2, "there and back takes two delays, took {took:?}");
    assert!(took < SHORT * 6, "twenty chunks share the delay, took {took:?}");
    line.delay(Duration::ZERO);
    line.delay_one_way(Direction::Down, SHORT);
    let start = Instant::now();
    ask(&mut stream, b"x");
    assert!((SHORT..SHORT * 2).contains(&start.elapsed()), "one way only: {:?}", start.elapsed());
}

#[test]
fn a_black_hole_takes_all_and_answers_nothing_and_its_connections_end_at_restore() {
    let line = ChaosProxy::to(echo()).unwrap();
    let (mut lossy, mut idle) = (dial(&line), dial(&line));
    assert_eq!((ask(&mut lossy, b"1"), ask(&mut idle, b"2")), (b"1".to_vec(), b"2".to_vec()));
    line.black_hole();
    let mut new = dial(&line);
    for stream in [&mut lossy, &mut new] {
        stream.set_read_timeout(Some(SHORT)).unwrap();
        stream.write_all(b"anybody there?").unwrap();
        assert!(!is_over(stream), "a black hole neither answers nor refuses");
        stream.set_read_timeout(Some(SOON)).unwrap();
    }
    line.restore();
    assert!(is_over(&mut lossy) && is_over(&mut new), "a connection that lost bytes is not joined again");
    assert_eq!(ask(&mut idle, b"3"), b"3", "one that lost nothing goes on");
    assert_eq!(ask(&mut dial(&line), b"4"), b"4");
}

#[test]
fn a_client_that_dies_in_the_black_hole_leaves_the_far_side_half_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = ChaosProxy::to(listener.local_addr().unwrap()).unwrap();
    let client = dial(&line);
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(SHORT)).unwrap();
    wait_until("the connection is on the line", || line.live() == 1);
    line.black_hole();
    drop(client);
    assert!(!is_over(&mut server), "nobody tells the server");
    line.restore();
    server.set_read_timeout(Some(SOON)).unwrap();
    assert!(is_over(&mut server));
}

#[test]
fn a_line_can_lead_to_a_new_address() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = ChaosProxy::to(gone).unwrap();
    assert!(is_over(&mut dial(&line)), "nobody there: refused");
    line.retarget(echo()).unwrap();
    assert_eq!(ask(&mut dial(&line), b"here"), b"here");
}

#[test]
fn a_connection_can_be_given_so_many_bytes_and_no_more() {
    let line = ChaosProxy::to(echo()).unwrap();
    let mut free = dial(&line);
    assert_eq!(ask(&mut free, b"before"), b"before");
    line.cut_after(Direction::Down, Some(3));
    let mut short = dial(&line);
    short.write_all(b"12345").unwrap();
    let mut came = Vec::new();
    // An end of either kind: closed, or reset.
    let _end = short.read_to_end(&mut came);
    assert_eq!(came, b"123");
    assert_eq!(ask(&mut free, b"after"), b"after", "those that were there live on");
    line.cut_after(Direction::Down, None);
    assert_eq!(ask(&mut dial(&line), b"12345"), b"12345");
}

#[test]
fn connections_are_bounded_and_dropping_the_line_ends_them() {
    let line = ChaosProxy::to(echo()).unwrap();
    let mut held: Vec<_> = (0..MAX_CONNECTIONS).map(|_| dial(&line)).collect();
    wait_until("all are carried", || line.live() == MAX_CONNECTIONS);
    assert!(is_over(&mut dial(&line)), "one too many ends at once");
    drop(line);
    assert!(held.iter_mut().all(is_over));
}

#[test]
fn a_line_leads_to_this_machine_only() {
    let refused = ChaosProxy::to("192.0.2.1:1883".parse().unwrap()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("192.0.2.1:1883"), "{refused}");
}
