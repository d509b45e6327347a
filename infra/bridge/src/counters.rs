//! What the bridge counted since it started. No log line per message; these instead.

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::exposition::Exposition;
use serde::Serialize;

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The live counters.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// The counters at one moment, as JSON for an operator. All count from the start, but for the two gauges
        /// `sessions` and `waiting`.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct Snapshot {
            /// Gauge: sessions live now.
            pub sessions: u64,
            /// Gauge: connections that have not been let in yet.
            pub waiting: u64,
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Snapshot {
            /// The numbers for Prometheus, `drawbridge_bridge_…`.
            pub fn expose(&self, exposition: &mut Exposition) {
                exposition.gauge("drawbridge_bridge_sessions", "Sessions live now.", self.sessions);
                exposition.gauge("drawbridge_bridge_waiting", "Connections that have not been let in yet.", self.waiting);
                $({
                    const HELP: &[&str] = &[$($doc),*];
                    exposition.counter(concat!("drawbridge_bridge_", stringify!($name)), HELP.concat().trim(), self.$name);
                })*
            }
        }

        impl Counters {
            /// All of them; each is exact, together they are not of one instant.
            pub(crate) fn snapshot(&self, sessions: u64, waiting: u64) -> Snapshot {
                Snapshot { sessions, waiting, $($name: self.$name.get(),)* }
            }
        }
    };
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    pub(crate) fn one(&self) {
        self.add(1);
    }
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Connections accepted.
    accepted,
    /// Connections let in (CONNACK 0).
    connects,
    /// Closed before CONNECT: the deadline passed.
    refused_silent,
    /// Closed before CONNECT: the waiting room was full and this was the oldest.
    refused_evicted,
    /// Closed before CONNECT by the peer, or the TLS handshake failed.
    refused_broken,
    /// Requests for a WebSocket that were refused: no handshake of MQTT, no place in the waiting room, or the bridge stops.
    refused_upgrade,
    /// Refused: not MQTT, or a malformed or too large CONNECT.
    refused_malformed,
    /// Refused: the client id is no device name.
    refused_client_id,
    /// Refused: token, unknown device or key, blocked, protocol disabled.
    refused_credentials,
    /// Refused: the records could not be read.
    refused_unavailable,
    /// Refused: as many sessions as allowed.
    refused_full,
    /// Publishes received, all QoS.
    publishes,
    /// Payload bytes received in publishes.
    publish_bytes,
    /// PUBACKs sent.
    acks,
    /// Publishes that the publisher or a rule refused.
    publish_failures,
    /// QoS 0 publishes lost because their session ended before the publisher had them. QoS 1 ones are sent again.
    qos0_lost,
    /// Times that reading stopped because a window was full.
    window_full,
    /// Configurations sent.
    configs,
    /// Configurations acknowledged.
    config_acks,
    /// Configurations that wait because too many are unacknowledged.
    configs_deferred,
    /// Commands delivered.
    commands,
    /// Commands to a device that has too many unacknowledged.
    commands_refused,
    /// Commands nobody acknowledged in time.
    commands_timed_out,
    /// PUBACKs of commands that came after nobody waited for them any more; recorded where the command was kept.
    commands_acked_late,
    /// Devices attached to gateways.
    attached,
    /// Attaches refused: no right to it, or the gateway has as many as allowed.
    attach_refused,
    /// Attached devices that their gateway detached.
    detached,
    /// Attached devices that lost the right to it: unbound, blocked, deleted, or their token expired.
    detached_revoked,
    /// Attached devices that connected themselves, or through another gateway.
    detached_taken_over,
    /// Attached devices that broke a rule: size, subfolder, no route.
    detached_rule,
    /// Publishes of gateways for devices that were not attached. Never acknowledged.
    not_attached,
    /// Messages for the errors topic of a gateway that it did not read in time, and lost.
    gateway_errors_lost,
    /// Record reads or writes of a session that failed and will be tried again.
    records_failed,
    /// Sessions ended by the device's DISCONNECT.
    ended_left,
    /// Sessions whose connection broke.
    ended_lost,
    /// Sessions silent for longer than their keep-alive, or idle for too long.
    ended_silent,
    /// Sessions taken over by a newer connection of the same device.
    ended_taken_over,
    /// Sessions whose token expired.
    ended_expired,
    /// Sessions ended in order because they were as old as a session may become.
    ended_max_session,
    /// Sessions whose device was blocked or deleted, whose key was removed, or whose registry disabled MQTT.
    ended_revoked,
    /// Sessions that broke a rule: topic, QoS 2, retain, size, protocol, no route.
    ended_rule,
    /// Sessions that sent what is not MQTT.
    ended_malformed,
    /// Sessions ended because a publish failed on our side.
    ended_publish,
    /// Sessions whose device did not read.
    ended_stalled,
    /// Sessions ended because the bridge stops.
    ended_shutdown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_exposed_with_what_it_means() {
        let counters = Counters::default();
        counters.acks.add(7);
        let mut exposition = Exposition::default();
        counters.snapshot(3, 0).expose(&mut exposition);
        let text = exposition.finish();
        assert!(text.contains("drawbridge_bridge_sessions 3\n") && text.contains("drawbridge_bridge_acks_total 7\n"), "{text}");
        let fields = serde_json::to_value(counters.snapshot(0, 0)).unwrap().as_object().unwrap().len();
        assert_eq!(text.lines().filter(|line| line.starts_with("# HELP ") && line.ends_with('.')).count(), fields);
    }
}
