//! A device that speaks as much MQTT 3.1.1 as a command and a state need.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use crate::support::Scene;

/// Nothing on this machine takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Device(TcpStream);

fn text(s: &str) -> Vec<u8> {
    [&u16::try_from(s.len()).unwrap().to_be_bytes()[..], s.as_bytes()].concat()
}

impl Device {
    /// Connects `my-registry`'s device `id` with the key in `{id}.key.pem`.
    pub(crate) fn connect(scene: &Scene, id: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let key = EncodingKey::from_ec_pem(&fs::read(scene.path(&format!("{id}.key.pem"))).unwrap()).unwrap();
        let token = encode(&Header::new(Algorithm::ES256), &json!({ "iat": now, "exp": now + 600, "aud": "demo" }), &key).unwrap();
        let stream = TcpStream::connect(scene.cloud.mqtt).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut device = Self(stream);
        let name = format!("projects/demo/locations/europe-west1/registries/my-registry/devices/{id}");
        let head = [text("MQTT"), vec![4, 0xC2, 0, 60]].concat();
        device.send(0x10, &[head, text(&name), text("unused"), text(&token)].concat());
        assert_eq!(device.receive(), (0x20, vec![0, 0]), "CONNACK");
        device
    }

    pub(crate) fn subscribe(&mut self, filter: &str) {
        self.send(0x82, &[vec![0, 1], text(filter), vec![1]].concat());
        assert_eq!(self.receive(), (0x90, vec![0, 1, 1]), "SUBACK");
    }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.send(0x32, &[text(topic), vec![0, 2], payload.to_vec()].concat());
        assert_eq!(self.receive(), (0x40, vec![0, 2]), "PUBACK");
    }

    /// Takes one message and acknowledges it: its topic and payload.
    pub(crate) fn take(&mut self) -> (String, String) {
        let (first, body) = self.receive();
        assert_eq!(first & 0xF6, 0x32, "a PUBLISH at QoS 1");
        let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        self.send(0x40, &body[end..end + 2]);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(&body[2..end]), text(&body[end + 2..]))
    }

    fn send(&mut self, first: u8, body: &[u8]) {
        let (mut packet, mut rest) = (vec![first], body.len());
        while rest > 127 {
            packet.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        packet.push(u8::try_from(rest).unwrap());
        packet.extend(body);
        self.0.write_all(&packet).unwrap();
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        assert!(head[1] < 128, "the packets of these tests are short");
        let mut body = vec![0; head[1].into()];
        self.0.read_exact(&mut body).unwrap();
        (head[0], body)
    }
}
