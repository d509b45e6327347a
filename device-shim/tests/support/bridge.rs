//! A bridge that follows a script, one act per connection; then it behaves.

mod line;

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::DeviceClaims;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Codec, ConnectAckReason, DisconnectReasonCode, Packet, PublishProperties};
use tokio_util::codec::Encoder as _;

use line::Line;

/// What happens to a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Everything is acknowledged.
    Behave,
    /// CONNACK with this code and reason.
    Refuse(ConnectAckReason, String),
    /// CONNACK, and the end.
    DropAfterConnack,
    /// The first so many publishes are acknowledged, the next are taken and never acknowledged; pings are answered.
    AckOnly(usize),
    /// The same, and then the line is cut.
    CutAfter(usize),
    /// Nothing is ever said.
    BlackHole,
    /// CONNACK and SUBACK, then nothing is ever said, not even to a ping.
    Silent,
    /// A publish whose payload contains this text ends the connection with the code.
    Poison(&'static str, DisconnectReasonCode),
    /// Receive Maximum and a wait before each acknowledgement.
    Slow(u16, Duration),
}

/// A publish as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) connection: usize,
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) reading_id: String,
    pub(crate) captured_at_ms: u64,
    /// The user property `unit`, if any.
    pub(crate) unit: String,
    pub(crate) acked: bool,
    /// Publishes of this connection that awaited their acknowledgement, this one included.
    pub(crate) unacked: usize,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) got: Vec<Got>,
    pub(crate) tokens: Vec<(Instant, DeviceClaims)>,
    pub(crate) client_ids: Vec<String>,
    pub(crate) connections: usize,
    pub(crate) pings: usize,
    pub(crate) goodbyes: usize,
    pub(crate) subscribed: Vec<String>,
    pub(crate) pubacks: usize,
}

#[derive(Clone)]
pub(crate) struct Bridge {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<VecDeque<Act>>>,
    live: Arc<Mutex<Option<TcpStream>>>,
}

impl Bridge {
    pub(crate) fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bridge = Self {
            addr: listener.local_addr().unwrap(),
            seen: Arc::default(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            live: Arc::default(),
        };
        let serving = bridge.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let act = serving.script.lock().unwrap().pop_front().unwrap_or(Act::Behave);
                let one = serving.clone();
                std::thread::spawn(move || Line::new(one, stream, act).serve());
            }
        });
        bridge
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Payloads that were acknowledged, in the order of arrival.
    pub(crate) fn acked(&self) -> Vec<String> {
        self.seen().got.iter().filter(|got| got.acked).map(|got| got.payload.clone()).collect()
    }

    /// Payloads as they arrived, acknowledged or not.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.seen().got.iter().map(|got| got.payload.clone()).collect()
    }

    /// Sends to the connected device at QoS 1.
    pub(crate) fn send(&self, topic: &str, payload: &str) {
        let publish = Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.to_owned().into(),
            packet_id: std::num::NonZeroU16::new(7),
            payload: payload.to_owned().into(),
            properties: Some(PublishProperties::default()),
        };
        let mut bytes = BytesMut::new();
        Codec::new(0, 0).encode(Packet::Publish(Box::new(publish)), &mut bytes).unwrap();
        self.live.lock().unwrap().as_ref().unwrap().write_all(&bytes).unwrap();
    }

    /// Cuts the line.
    pub(crate) fn cut(&self) {
        if let Some(stream) = self.live.lock().unwrap().take() {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}
