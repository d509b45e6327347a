//! One local client, from CONNECT to its end.

use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use protocol::ReadingId;
use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::DisconnectReasonCode as Code;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Deps;
use super::subscriptions::Subscriptions;
use super::wire::{Reply, Request, Wire};
use crate::accept::Refusal;
use crate::accept::listener::Capped;

/// A connection that has not sent CONNECT by then is closed.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Room for one read: a burst of small readings fits.
const READ_BYTES: usize = 8 * 1024;
/// A client that does not read what it is sent for this long is cut.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

type Kept = BoxFuture<'static, (Option<NonZeroU16>, Result<ReadingId, Refusal>)>;

struct Session {
    read: ReadHalf<Capped<TcpStream>>,
    write: WriteHalf<Capped<TcpStream>>,
    wire: Wire,
    inbox: BytesMut,
    outbox: BytesMut,
    deps: Deps,
    under_way: FuturesOrdered<Kept>,
    subscriptions: Subscriptions,
    /// A client silent for longer is gone; `None` when it asked for no watch.
    silence: Option<Duration>,
}

/// The client is to be told goodbye, or nothing when it went itself.
type Over = Option<(Code, String)>;

pub(super) async fn run(io: Capped<TcpStream>, deps: Deps) {
    let (read, write) = tokio::io::split(io);
    let subscriptions = Subscriptions::new(deps.downlink.clone(), deps.intake.device(), 1);
    let (inbox, outbox) = (BytesMut::new(), BytesMut::new());
    let under_way = FuturesOrdered::new();
    let mut session = Session { read, write, wire: Wire::new(), inbox, outbox, deps, under_way, subscriptions, silence: None };
    let over = match timeout(CONNECT_WITHIN, session.connect()).await {
        Ok(Ok(())) => session.serve().await,
        Ok(Err(over)) => over,
        Err(_) => None,
    };
    session.finish(over).await;
}

impl Session {
    async fn connect(&mut self) -> Result<(), Over> {
        loop {
            match self.wire.decode(&mut self.inbox).map_err(|reason| Some((Code::MalformedPacket, reason)))? {
                Some(Request::Connect { keepalive_secs, receive_max }) => {
                    self.silence = (keepalive_secs > 0).then(|| Duration::from_secs(keepalive_secs.into()).mul_f64(1.5));
                    self.subscriptions = Subscriptions::new(self.deps.downlink.clone(), self.deps.intake.device(), receive_max);
                    let receive_max = u16::try_from(self.deps.max_in_flight).unwrap_or(u16::MAX);
                    self.wire.encode(Reply::ConnAck { receive_max }, &mut self.outbox);
                    return Ok(());
                }
                Some(_) => return Err(Some((Code::ProtocolError, "the first packet must be CONNECT".into()))),
                None if self.read.read_buf(&mut self.inbox).await.unwrap_or(0) == 0 => return Err(None),
                None => {}
            }
        }
    }

    async fn serve(&mut self) -> Over {
        let stop = self.deps.stop.clone();
        let mut heard = Instant::now();
        loop {
            if let Err(over) = self.take_requests() {
                return over;
            }
            if !self.write_out().await {
                return None;
            }
            self.inbox.reserve(READ_BYTES);
            let roomy = self.under_way.len() < self.deps.max_in_flight;
            // Without room the client is not read, so its silence is ours.
            let gone_at = self.silence.filter(|_| roomy).map(|silence| heard + silence);
            tokio::select! {
                read = self.read.read_buf(&mut self.inbox), if roomy => match read {
                    Ok(1..) => heard = Instant::now(),
                    _ => return None,
                },
                Some((id, kept)) = self.under_way.next() => match self.answer(id, kept) {
                    Ok(()) => {}
                    Err(over) => return over,
                },
                reply = self.subscriptions.next() => self.wire.encode(reply, &mut self.outbox),
                () = sleep_until(gone_at.unwrap_or(heard)), if gone_at.is_some() => {
                    return Some((Code::KeepAliveTimeout, "no packet within 1.5 times the keepalive".into()));
                }
                () = stop.cancelled() => return Some((Code::ServerShuttingDown, "the shim stops".into())),
            }
        }
    }

    /// What the inbox holds, as far as there is room for it.
    fn take_requests(&mut self) -> Result<(), Over> {
        while self.under_way.len() < self.deps.max_in_flight {
            match self.wire.decode(&mut self.inbox).map_err(|reason| Some((Code::MalformedPacket, reason)))? {
                Some(request) => self.take(request)?,
                None => break,
            }
        }
        Ok(())
    }

    fn take(&mut self, request: Request) -> Result<(), Over> {
        match request {
            Request::Publish { topic, qos, id, payload, properties } => {
                if qos == QoS::ExactlyOnce {
                    return Err(Some((Code::QosNotSupported, Refusal::Qos.to_string())));
                }
                let reading = self.deps.intake.publish(&topic, payload, properties);
                let reading = reading.map_err(|refusal| Some((code(&refusal), refusal.to_string())))?;
                let intake = self.deps.intake.clone();
                self.under_way.push_back(Box::pin(async move { (id, intake.keep(reading).await) }));
            }
            Request::PubAck(id) => self.subscriptions.acked(id),
            Request::Subscribe { id, filters } => {
                let granted = filters.iter().map(|(filter, qos)| self.subscriptions.subscribe(filter, *qos)).collect();
                self.wire.encode(Reply::SubAck { id, granted }, &mut self.outbox);
            }
            Request::Unsubscribe { id, filters } => {
                filters.iter().for_each(|filter| self.subscriptions.unsubscribe(filter));
                self.wire.encode(Reply::UnsubAck { id, count: filters.len() }, &mut self.outbox);
            }
            Request::Ping => self.wire.encode(Reply::Pong, &mut self.outbox),
            Request::Disconnect => return Err(None),
            Request::Connect { .. } | Request::Unexpected => {
                return Err(Some((Code::ProtocolError, "this packet is not expected here".into())));
            }
        }
        Ok(())
    }

    /// A reading is durable, or is not promised.
    fn answer(&mut self, id: Option<NonZeroU16>, kept: Result<ReadingId, Refusal>) -> Result<(), Over> {
        match (id, kept) {
            (Some(id), Ok(_)) => self.wire.encode(Reply::PubAck { id, refused: None }, &mut self.outbox),
            (Some(id), Err(refusal)) if self.wire.is_v5() => {
                self.wire.encode(Reply::PubAck { id, refused: Some(refusal.to_string()) }, &mut self.outbox);
            }
            (Some(_), Err(refusal)) => return Err(Some((Code::QuotaExceeded, refusal.to_string()))),
            // At most once: nobody waits for an answer. It is counted.
            (None, _) => {}
        }
        Ok(())
    }

    async fn write_out(&mut self) -> bool {
        let written = timeout(WRITE_WITHIN, self.write.write_all_buf(&mut self.outbox)).await;
        matches!(written, Ok(Ok(())))
    }

    /// Readings taken are still made durable and answered; then goodbye.
    async fn finish(mut self, over: Over) {
        while let Some((id, kept)) = self.under_way.next().await {
            if self.answer(id, kept).is_err() {
                break;
            }
        }
        if let Some((code, reason)) = over {
            tracing::debug!(reason, "Ended a local connection");
            self.wire.encode(Reply::Goodbye { code, reason }, &mut self.outbox);
        }
        if self.write_out().await {
            // The client sees the end either way.
            let _ended = timeout(WRITE_WITHIN, self.write.shutdown()).await;
        }
    }
}

fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::TooLarge { .. } => Code::PacketTooLarge,
        Refusal::Topic(_) | Refusal::OtherDevice { .. } => Code::TopicNameInvalid,
        Refusal::Qos => Code::QosNotSupported,
        Refusal::Spool(_) => Code::QuotaExceeded,
    }
}
