//! A device with a plain socket that acknowledges each command as soon as it has it.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use anyhow::{Context as _, Result, ensure};

/// Lets `client_id` in at `at`; answers the connection after CONNACK.
pub(crate) fn connect(at: SocketAddr, client_id: &str, token: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_nodelay(true)?;
    let mut body = b"\0\x04MQTT\x04\xC2\x02\x58".to_vec();
    [client_id, "unused", token].iter().for_each(|part| text(&mut body, part));
    stream.write_all(&packet(0x10, &body))?;
    ensure!(read_packet(&mut stream)? == (0x20, vec![0, 0]), "not let in");
    Ok(stream)
}

/// Subscribes `device` to its commands at QoS 1 and acknowledges them on a thread until the connection ends.
pub(crate) fn acknowledge(mut stream: TcpStream, device: &str) -> Result<()> {
    let mut body = vec![0, 1];
    text(&mut body, &format!("/devices/{device}/commands/#"));
    body.push(1);
    stream.write_all(&packet(0x82, &body))?;
    ensure!(read_packet(&mut stream)? == (0x90, vec![0, 1, 1]), "no subscription");
    thread::spawn(move || while acknowledge_one(&mut stream).is_ok() {});
    Ok(())
}

fn acknowledge_one(stream: &mut TcpStream) -> Result<()> {
    let (first, body) = read_packet(stream)?;
    if first & 0xF0 == 0x30 {
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let id = body.get(2 + topic..4 + topic).context("a PUBLISH without an id")?;
        stream.write_all(&[0x40, 2, id[0], id[1]])?;
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, s: &str) {
    out.extend((s.len() as u16).to_be_bytes());
    out.extend(s.bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut out, mut length) = (vec![first], body.len());
    while length > 0x7F {
        out.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(body);
    out
}

fn read_packet(from: &mut impl Read) -> Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    let first = byte[0];
    let (mut length, mut shift) = (0, 0);
    loop {
        from.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 0x7F) << shift;
        shift += 7;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok((first, body))
}
