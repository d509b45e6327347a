//! Terminates device MQTT 3.1.1 and 5 over TCP, TLS and WebSocket; holds no fact that must survive it.
//!
//! A bridge, not a broker: no topic tree, no stored sessions, no retained messages, no wills. Devices talk to the
//! cloud, not to each other.
//!
//! Promises
//! * A PUBACK means that the publisher has the message. PUBACKs leave in the order of the publishes.
//! * A publish that fails closes the connection unacknowledged; the device sends it again: duplicates, no loss.
//! * A slow publisher slows the device (TCP), never grows memory; pings, commands and takeovers go on meanwhile.
//! * A gateway's attach is acknowledged once commands find the device, and not before; what came before it is finished first.
//!   What goes wrong with one attached device is told on the gateway's errors topic and leaves the others alone.
//! * Every refusal says why: in the MQTT 5 reason string, and in the device's `lastErrorStatus`.
//!
//! What of MQTT is not there, and how it is answered
//! * Will: ignored; an MQTT 5 will with QoS 2 or retain is refused at CONNECT, as the standard demands.
//! * Persistent sessions: `clean_session = 0` is accepted, `session present` is always 0, session expiry always 0.
//! * Retain: the flag is ignored over 3.1.1; over 5, where CONNACK says "not available", it closes the connection.
//! * QoS 2: a publish closes the connection, a subscription is granted QoS 1.
//! * Topic aliases (5): the advertised maximum is 0; use of one closes the connection.
//! * MQTT 3.1 ("MQIsdp"): refused with code 1, as Cloud IoT Core did.
//!
//! | file | holds |
//! | --- | --- |
//! | `bridge` | what an embedding process calls |
//! | `listener`, `room` | accepting, TLS, and those not yet let in |
//! | `websocket` | the same for devices that come over HTTP |
//! | `connect` | CONNECT to CONNACK |
//! | `session` | the loop of one connection, and its parts |
//! | `registries` | registries that were read lately, for all sessions |
//! | `sessions`, `reach`, `signals` | the map of live sessions, how they are reached and told things |
//! | `ending` | every reason to close, with its codes and texts |
//! | `packet`, `link` | MQTT 3.1.1 and 5 in one vocabulary; bytes |
//! | `limits`, `counters`, `complaints` | every cap, what was counted, and what is said in the log of what fails on our side |

mod bridge;
mod complaints;
mod connack;
mod connect;
mod counters;
#[cfg(test)]
mod documented;
mod ending;
mod limits;
mod link;
mod listener;
mod packet;
mod reach;
mod registries;
mod room;
mod session;
mod sessions;
mod signals;
mod websocket;

pub use bridge::Bridge;
pub use counters::Snapshot;
pub use limits::Limits;
