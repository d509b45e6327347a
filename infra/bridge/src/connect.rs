//! From the first byte to CONNACK.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;
use domain::identity::{self, Protocol};
use domain::{DomainError, Refusal, device};
use protocol::DeviceName;
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::types::QoS;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Decoder;
use tracing::{debug, info};

use crate::bridge::Bridge;
use crate::connack::{self, Refused};
use crate::limits::{MAX_CONNECT_BYTES, MAX_PACKET_BYTES};
use crate::link::{self, Link};
use crate::packet::Wire;
use crate::session::{Opening, Session};
use crate::sessions::Sessions;

/// Characters of a client id that are shown in a log: more than the longest device name needs of it to be found.
const SHOWN: usize = 300;

/// What a CONNECT said, in either version.
#[derive(Debug)]
pub(crate) struct Hello {
    client_id: String,
    token: Vec<u8>,
    /// Seconds; 0 is none.
    keep_alive: u16,
    /// QoS 1 publishes the device takes at once.
    receive_max: u16,
}

/// Reads CONNECT, checks it and answers. `None` when the device was not let in.
/// What the device sent behind its CONNECT stays in the inbox: official samples do not wait for CONNACK.
pub(crate) async fn greet(bridge: &Arc<Bridge>, mut link: Box<dyn Link>) -> Option<Session> {
    let mut inbox = BytesMut::new();
    let mut wire = Wire::V3(v3::Codec::new(MAX_CONNECT_BYTES));
    let mut named = String::new();
    let admitted = match hear(&mut *link, &mut inbox, &mut wire).await {
        Ok(hello) => {
            named = hello.client_id.chars().take(SHOWN).flat_map(char::escape_debug).collect();
            admit(bridge, hello).await
        }
        Err(refused) => Err(refused),
    };
    match admitted {
        Ok(opening) => {
            bridge.counters.connects.one();
            debug!(device = %named, "Let in `{named}`");
            wire.set_max_inbound(MAX_PACKET_BYTES);
            link.let_in();
            let keep_alive = opening.server_keep_alive(bridge.limits.idle);
            let connack = connack::accepted(&mut wire, bridge.limits.window, keep_alive, bridge.fanout.clock.now());
            Some(Session::new(bridge.clone(), link, wire, inbox, connack, opening))
        }
        Err(refused) => {
            refused.counter(&bridge.counters).one();
            match &refused {
                // Its text, for the device, does not say why.
                Refused::Unavailable(e) => bridge.complaints.records(e),
                Refused::Broken(_) | Refused::NotMqtt(_) => debug!("Refused a connection: {refused}"),
                _ => info!(device = %named, "Refused `{named}`: {refused}"),
            }
            link.say_at_close(false, &refused.to_string());
            link::close(link, refused.connack(&mut wire, bridge.fanout.clock.now())).await;
            None
        }
    }
}

/// Reads until a whole CONNECT is there. Leaves the codec of its version in `wire`.
async fn hear(link: &mut dyn Link, inbox: &mut BytesMut, wire: &mut Wire) -> Result<Hello, Refused> {
    let mut versioned = false;
    loop {
        if !versioned && let Some(level) = level(inbox)? {
            versioned = true;
            match level {
                4 => {}
                5 => *wire = Wire::V5(v5::Codec::new(MAX_CONNECT_BYTES, 0)),
                other => return Err(Refused::Version(other)),
            }
        }
        if versioned && let Some(hello) = decode(wire, inbox)? {
            return Ok(hello);
        }
        match poll_fn(|cx| link::poll_read(link, cx, inbox)).await {
            Ok(0) => return Err(Refused::Broken("end of stream".into())),
            Ok(_) => {}
            Err(e) => return Err(Refused::Broken(e.to_string())),
        }
    }
}

/// The protocol level of the CONNECT in `inbox`, once it is there.
fn level(inbox: &[u8]) -> Result<Option<u8>, Refused> {
    let Some(&first) = inbox.first() else { return Ok(None) };
    if first != 0x10 {
        return Err(Refused::NotMqtt(format!("the first byte is {first:#04x}, expected 0x10")));
    }
    // The length takes one to four bytes, each but the last with its high bit set.
    let Some(length) = inbox[1..].iter().take(4).position(|b| b & 0x80 == 0) else {
        return if inbox.len() > 4 { Err(Refused::NotMqtt("the packet length takes more than 4 bytes".into())) } else { Ok(None) };
    };
    match &inbox[length + 2..] {
        // The shortest CONNECT has 12 bytes here, so waiting for 9 holds up nobody.
        short if short.len() < 9 => Ok(None),
        [0, 4, b'M', b'Q', b'T', b'T', level, ..] | [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', level, ..] => Ok(Some(*level)),
        _ => Err(Refused::NotMqtt("the protocol name is not `MQTT`".into())),
    }
}

fn decode(wire: &mut Wire, inbox: &mut BytesMut) -> Result<Option<Hello>, Refused> {
    let malformed = |e: DecodeError| match e {
        DecodeError::InvalidClientId => Refused::NoClientId,
        DecodeError::MaxSizeExceeded { size, max } => Refused::Malformed(format!("{size} bytes exceed the limit of {max}")),
        e => Refused::Malformed(e.to_string()),
    };
    match wire {
        Wire::V3(codec) => match codec.decode(inbox).map_err(malformed)? {
            Some((v3::Packet::Connect(c), _)) => Ok(Some(Hello {
                client_id: c.client_id.to_string(),
                token: c.password.map(Into::into).unwrap_or_default(),
                keep_alive: c.keep_alive,
                receive_max: u16::MAX,
            })),
            Some(_) => Err(Refused::Malformed("not a CONNECT".into())),
            None => Ok(None),
        },
        Wire::V5(codec) => match codec.decode(inbox).map_err(malformed)? {
            Some((v5::Packet::Connect(c), _)) => {
                codec.set_max_outbound_size(c.max_packet_size.map_or(0, Into::into));
                hello_v5(*c).map(Some)
            }
            Some(_) => Err(Refused::Malformed("not a CONNECT".into())),
            None => Ok(None),
        },
    }
}

fn hello_v5(c: v5::Connect) -> Result<Hello, Refused> {
    if let Some(method) = c.auth_method {
        return Err(Refused::AuthMethod(method.chars().take(32).flat_map(char::escape_debug).collect()));
    }
    // MQTT 5, 3.2.2.3.4 and 3.2.2.3.5: what CONNACK would call unavailable must be refused, not ignored.
    match c.last_will {
        Some(will) if will.qos == QoS::ExactlyOnce => return Err(Refused::Will("QoS 2")),
        Some(will) if will.retain => return Err(Refused::Will("retain")),
        _ => {}
    }
    Ok(Hello {
        client_id: c.client_id.to_string(),
        token: c.password.map(Into::into).unwrap_or_default(),
        keep_alive: c.keep_alive,
        receive_max: c.receive_max.map_or(u16::MAX, Into::into),
    })
}

/// Checks who speaks and enters the session. A refusal of a device that exists goes into its `lastErrorStatus`.
async fn admit(bridge: &Arc<Bridge>, hello: Hello) -> Result<Opening, Refused> {
    let name: DeviceName = hello.client_id.parse()?;
    let admitted = authenticate(bridge, &name, hello).await;
    if let Err(refused) = &admitted
        && let Some(status) = refused.status()
    {
        let fanout = &bridge.fanout;
        // The refusal stands whether or not it can be noted.
        if let Ok(Some(found)) = device::find(&fanout.stores, &name).await {
            let noted = match refused.is_of_the_device() {
                true => fanout.statuses.error(&found.value.key, status).await,
                false => fanout.statuses.stranger_error(&found.value.key, status).await,
            };
            if let Err(e) = noted {
                bridge.records_failed(&e);
            }
        }
    }
    admitted
}

async fn authenticate(bridge: &Arc<Bridge>, name: &DeviceName, hello: Hello) -> Result<Opening, Refused> {
    let fanout = &bridge.fanout;
    let token = String::from_utf8(hello.token).map_err(|e| Refusal::Malformed(format!("not UTF-8: {e}")))?;
    let answer = identity::authenticate(&fanout.stores, name, &token, Protocol::Mqtt, fanout.clock.now()).await;
    let (device, registry) = answer.map_err(|e| match e {
        DomainError::Refused(refusal) => Refused::Credentials(refusal),
        DomainError::Port(e) => Refused::Unavailable(e),
        other => Refused::Unavailable(domain::PortError::passing("records", other)),
    })?;
    let mut registered = Sessions::enter(bridge, device.key()).ok_or(Refused::Full(bridge.limits.max_sessions))?;
    registered.seat.announce().await;
    let opening = Opening {
        device,
        registry,
        registered,
        token: token.into_boxed_str(),
        keep_alive: hello.keep_alive,
        receive_max: hello.receive_max.into(),
    };
    Ok(opening)
}
