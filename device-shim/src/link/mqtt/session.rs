//! An established session: what is queued goes out, what comes in becomes an event, and silence is noticed.

mod incoming;
mod timers;

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use protocol::SubscribeTopic;
use rmqtt_codec::v5::{Codec, Disconnect, DisconnectReasonCode, Packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::connect::{cut, protocol};
use super::{MqttLink, Stream, packet};
use crate::clock::CloudClock;
use crate::clock::history::ClockHistory;
use crate::link::{Event, LinkError, Receipt, Session};
use crate::spool::{Seq, Stored};
use timers::Timers;

/// Fixed header, and room for a topic and the properties' lengths, beside what is counted.
const PACKET_OVERHEAD: usize = 64;
/// Packet ids of PUBLISH end below those of SUBSCRIBE and UNSUBSCRIBE.
const LAST_PUBLISH_ID: u16 = 60_000;
const CONFIG_ID: NonZeroU16 = NonZeroU16::MIN.saturating_add(60_000);
const COMMANDS_ID: NonZeroU16 = NonZeroU16::MIN.saturating_add(60_001);
/// Room for one read: a window of PUBACKs fits.
const READ_BYTES: usize = 4 * 1024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What CONNACK settled.
pub(super) struct Agreed {
    pub(super) window: usize,
    pub(super) max_packet: usize,
    pub(super) keepalive: Duration,
    pub(super) renew_at: Instant,
}

/// See the module.
pub struct MqttSession {
    read: ReadHalf<Box<dyn Stream>>,
    write: WriteHalf<Box<dyn Stream>>,
    codec: Codec,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Written, but perhaps still in the TLS layer.
    unflushed: bool,
    agreed: Agreed,
    /// The device id that stands in topics.
    device: String,
    clock: CloudClock,
    history: ClockHistory,
    unacked: VecDeque<(NonZeroU16, Seq)>,
    last_id: u16,
    timers: Timers,
}

impl MqttSession {
    pub(super) fn new(stream: Box<dyn Stream>, codec: Codec, inbox: BytesMut, agreed: Agreed, link: &MqttLink) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            read,
            write,
            codec,
            inbox,
            outbox: BytesMut::new(),
            unflushed: false,
            timers: Timers::new(agreed.keepalive, link.limits.ack_timeout),
            agreed,
            device: link.identity.device().device.to_string(),
            clock: link.clock.clone(),
            history: link.history.clone(),
            unacked: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn subscribe_config(&mut self) {
        let filter = SubscribeTopic::Config { device: &self.device }.to_string();
        self.queue(packet::subscribe(filter, CONFIG_ID));
    }

    /// Our own packets are small and well-formed; encoding them does not fail.
    fn queue(&mut self, packet: Packet) {
        if let Err(error) = self.codec.encode(packet, &mut self.outbox) {
            tracing::error!(%error, "Could not encode a packet");
        }
    }

    fn next_id(&mut self) -> NonZeroU16 {
        self.last_id = self.last_id % LAST_PUBLISH_ID + 1;
        NonZeroU16::new(self.last_id).unwrap_or(NonZeroU16::MIN)
    }

    /// Moves bytes until some came in or a timer is due.
    async fn turn(&mut self) -> Result<(), LinkError> {
        let due = self.timers.due(!self.unacked.is_empty());
        self.inbox.reserve(READ_BYTES);
        tokio::select! {
            read = self.read.read_buf(&mut self.inbox) => match read.map_err(cut)? {
                0 => return Err(LinkError::Cut("the bridge closed it without a reason".into())),
                _ => self.timers.heard(),
            },
            pushed = push(&mut self.write, &mut self.outbox), if !self.outbox.is_empty() || self.unflushed => {
                self.unflushed = pushed.map_err(cut)?;
                self.timers.said();
            }
            () = sleep_until(due) => {
                if self.timers.check(!self.unacked.is_empty())? {
                    self.queue(Packet::PingRequest);
                }
            }
        }
        Ok(())
    }
}

/// Writes some bytes, or flushes when all are written; whether a flush is due then. May be dropped and called again.
async fn push(write: &mut WriteHalf<Box<dyn Stream>>, outbox: &mut BytesMut) -> std::io::Result<bool> {
    if outbox.is_empty() {
        write.flush().await?;
        return Ok(false);
    }
    write.write_buf(outbox).await.map(|_| true)
}

impl Session for MqttSession {
    fn window(&self) -> usize {
        self.agreed.window
    }

    fn renew_at(&self) -> Instant {
        self.agreed.renew_at
    }

    fn publish(&mut self, stored: &Stored) -> Result<(), LinkError> {
        let reading = &stored.reading;
        let properties: usize = reading.properties.iter().map(|(key, value)| key.len() + value.len() + 5).sum();
        let len = reading.payload.len() + properties + self.device.len() + PACKET_OVERHEAD;
        if len > self.agreed.max_packet {
            return Err(LinkError::TooLarge { len, limit: self.agreed.max_packet });
        }
        let offset_ms = self.history.offset_ms(stored.boot, &self.clock);
        let captured_at_ms = reading.captured_at_ms.saturating_add_signed(offset_ms);
        let id = self.next_id();
        let publish = packet::publish(&self.device, stored, captured_at_ms, id);
        self.codec.encode(Packet::Publish(Box::new(publish)), &mut self.outbox).map_err(protocol)?;
        if self.unacked.is_empty() {
            self.timers.began_to_wait();
        }
        self.unacked.push_back((id, stored.seq));
        Ok(())
    }

    fn want_commands(&mut self, wanted: bool) {
        let filter = SubscribeTopic::Commands { device: &self.device }.to_string();
        let ask = if wanted { packet::subscribe } else { packet::unsubscribe };
        self.queue(ask(filter, COMMANDS_ID));
    }

    fn acknowledge(&mut self, receipt: Receipt) {
        self.queue(packet::puback(receipt.0));
    }

    async fn next(&mut self) -> Result<Event, LinkError> {
        loop {
            while let Some((packet, _)) = self.codec.decode(&mut self.inbox).map_err(protocol)? {
                if let Some(event) = self.receive(packet)? {
                    return Ok(event);
                }
            }
            self.turn().await?;
        }
    }

    async fn close(mut self) {
        self.queue(Packet::Disconnect(Disconnect::new(DisconnectReasonCode::NormalDisconnection)));
        let goodbye = async {
            self.write.write_all_buf(&mut self.outbox).await?;
            self.write.shutdown().await
        };
        // Whether the goodbye arrived changes nothing: every acknowledgement counted has come.
        let _heard: Result<std::io::Result<()>, _> = timeout(GOODBYE, goodbye).await;
    }
}
