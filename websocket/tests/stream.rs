//! The two ends of a stream over a line that takes little at a time, and a peer that writes its frames by hand.

#![allow(clippy::unwrap_used, reason = "a test says so by panicking")]

use std::io::ErrorKind;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;
use websocket::{ByteStream, CloseCode, Violation};

const LIMIT: usize = 1_000;
const NO_MASK: [u8; 4] = [0; 4];

/// A frame of a client, masked with zeros.
fn frame(first: u8, announced: usize, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match announced {
        0..=125 => frame.push(0x80 | u8::try_from(announced).unwrap()),
        126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(announced).unwrap().to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((announced as u64).to_be_bytes());
        }
    }
    frame.extend(NO_MASK);
    frame.extend(payload);
    frame
}

/// A server's end, and the raw line to it.
fn server() -> (ByteStream<DuplexStream>, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    (ByteStream::of_server(near, LIMIT), far)
}

async fn violation(bytes: &[u8]) -> (Violation, Vec<u8>) {
    let (mut server, mut line) = server();
    line.write_all(bytes).await.unwrap();
    let error = server.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    server.shutdown().await.unwrap();
    drop(server);
    let mut said = Vec::new();
    line.read_to_end(&mut said).await.unwrap();
    (error.get_ref().unwrap().downcast_ref::<Violation>().unwrap().clone(), said)
}

/// Writes `chunks` into one end and reads them at the other.
async fn travels<A, B>(mut from: ByteStream<A>, mut to: ByteStream<B>, chunks: Vec<Vec<u8>>) -> Vec<u8>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let write = async {
        for chunk in chunks {
            from.write_all(&chunk).await.unwrap();
        }
        from.flush().await.unwrap();
        from.shutdown().await.unwrap();
        // Until the other end has confirmed.
        assert_eq!(from.read(&mut [0; 16]).await.unwrap(), 0);
    };
    let read = async {
        let mut all = Vec::new();
        to.read_to_end(&mut all).await.unwrap();
        to.flush().await.unwrap();
        drop(to);
        all
    };
    timeout(Duration::from_secs(10), async { tokio::join!(write, read).1 }).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_arrive_as_they_were_sent_however_they_were_cut(
        sizes in prop::collection::vec(0usize..300, 0..20), line in 1usize..200, to_server in any::<bool>(),
    ) {
        let mut next = 0_u8;
        let chunks: Vec<Vec<u8>> = sizes.iter().map(|size| (0..*size).map(|_| { next = next.wrapping_add(1); next }).collect()).collect();
        let expected = chunks.concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let arrived = runtime.block_on(async {
            let (near, far) = duplex(line);
            let (server, client) = (ByteStream::of_server(near, LIMIT), ByteStream::of_client(far, LIMIT));
            if to_server { travels(client, server, chunks).await } else { travels(server, client, chunks).await }
        });
        prop_assert_eq!(arrived, expected);
    }
}

#[tokio::test]
async fn a_message_may_come_in_fragments_with_a_ping_between_them() {
    let (mut server, mut line) = server();
    let sent = [frame(0x02, 2, b"ab"), frame(0x89, 2, b"hi"), frame(0x80, 1, b"c"), frame(0x82, 0, b""), frame(0x82, 2, b"de")].concat();
    line.write_all(&sent).await.unwrap();
    let mut bytes = [0; 5];
    server.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"abcde");
    let mut pong = [0; 4];
    line.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8A\x02hi");
}

#[tokio::test]
async fn a_text_frame_is_refused_with_1003() {
    let (why, said) = violation(&frame(0x81, 2, b"hi")).await;
    assert_eq!(why, Violation::Text);
    assert_eq!(said[..4], [0x88, u8::try_from(said.len() - 2).unwrap(), 0x03, 0xEB]);
    assert!(String::from_utf8_lossy(&said[4..]).contains("MQTT travels in binary frames"));
    assert_eq!(violation(&frame(0x81, 2, &[0xFF, 0xFE])).await.0, Violation::Text, "nor one that is not even text");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_by_its_header_with_1009() {
    let (why, said) = violation(&frame(0x82, LIMIT + 1, b"")).await;
    assert_eq!(why, Violation::TooLong { size: LIMIT + 1, limit: LIMIT });
    assert_eq!(said[2..4], 1009_u16.to_be_bytes());
    let half = LIMIT / 2 + 1;
    let (why, _) = violation(&[frame(0x02, half, &vec![0; half]), frame(0x80, half, &vec![0; half])].concat()).await;
    assert_eq!(why, Violation::TooLong { size: 2 * half, limit: LIMIT }, "nor one in fragments");
    let (why, _) = violation(&frame(0x82, usize::MAX >> 1, b"")).await;
    assert!(matches!(why, Violation::TooLong { .. }), "{why}");
}

#[tokio::test]
async fn broken_frames_are_refused_with_1002() {
    for (what, bytes) in [
        ("no mask", b"\x82\x01a".to_vec()),
        ("a reserved bit", frame(0xC2, 1, b"a")),
        ("a reserved kind", frame(0x83, 1, b"a")),
        ("a ping in fragments", frame(0x09, 1, b"a")),
        ("a ping of 126 bytes", frame(0x89, 126, &[0; 126])),
        ("an end without a beginning", frame(0x80, 1, b"a")),
        ("a beginning in the middle", [frame(0x02, 1, b"a"), frame(0x82, 1, b"b")].concat()),
    ] {
        let (why, said) = violation(&bytes).await;
        assert!(matches!(why, Violation::Frame(_)), "{what}: {why}");
        assert_eq!(said[2..4], 1002_u16.to_be_bytes(), "{what}");
    }
}

#[tokio::test]
async fn the_limit_can_be_raised() {
    let (mut server, mut line) = server();
    server.set_limit(2 * LIMIT);
    line.write_all(&frame(0x82, 2 * LIMIT, &vec![7; 2 * LIMIT])).await.unwrap();
    let mut bytes = vec![0; 2 * LIMIT];
    server.read_exact(&mut bytes).await.unwrap();
    assert!(bytes.iter().all(|byte| *byte == 7));
}

#[tokio::test]
async fn a_close_of_the_peer_is_the_end_and_is_confirmed() {
    let (mut server, mut line) = server();
    line.write_all(&[frame(0x82, 1, b"a"), frame(0x88, 2, &1001_u16.to_be_bytes())].concat()).await.unwrap();
    let mut all = Vec::new();
    server.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"a");
    assert!(server.write_all(b"late").await.is_err());
    server.shutdown().await.unwrap();
    drop(server);
    let mut said = Vec::new();
    line.read_to_end(&mut said).await.unwrap();
    assert_eq!(said, b"\x88\x02\x03\xE9");
}

#[tokio::test]
async fn the_close_says_why_in_at_most_123_bytes() {
    let (mut server, mut line) = server();
    server.say_at_close(CloseCode::Away, &"é".repeat(100));
    server.shutdown().await.unwrap();
    drop(server);
    let mut said = Vec::new();
    line.read_to_end(&mut said).await.unwrap();
    assert_eq!((said[0], said[1], &said[2..4]), (0x88, 124, 1001_u16.to_be_bytes().as_slice()));
    assert_eq!(std::str::from_utf8(&said[4..]).unwrap(), "é".repeat(61));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_stops_the_writer_at_one_frame() {
    let (near, _far) = duplex(100);
    let mut server = ByteStream::of_server(near, LIMIT);
    let large = vec![0; 1 << 20];
    assert_eq!(server.write(&large).await.unwrap(), 64 * 1024);
    let more = timeout(Duration::from_millis(50), server.write(&large)).await;
    assert!(more.is_err(), "a second frame was taken: {more:?}");
}
