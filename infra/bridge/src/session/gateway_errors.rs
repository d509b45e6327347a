//! `/devices/{gateway}/errors`: what went wrong with attached devices, in Cloud IoT Core's JSON, at QoS 0.
//! Source: captured messages, `docs/compatibility.md`, "MQTT bridge".

use std::num::NonZeroU16;

use bytes::Bytes;
use serde_json::json;

use super::Session;
use crate::limits::OUTBOX_BYTES;

/// What kind of error: `error_type`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An attach was refused.
    Attachment,
    /// A publish for a device that is not attached.
    DeviceNotFound,
    /// A device was detached.
    DetachmentDevice,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Attachment => "GATEWAY_ATTACHMENT_ERROR",
            Self::DeviceNotFound => "GATEWAY_DEVICE_NOT_FOUND",
            Self::DetachmentDevice => "GATEWAY_DETACHMENT_DEVICE_ERROR",
        }
    }
}

/// The PUBLISH at fault: `mqtt_message_info`.
pub(super) struct Cause<'a> {
    pub(super) topic: &'a str,
    pub(super) id: Option<NonZeroU16>,
}

impl Session {
    /// Tells the gateway, if it subscribed to its errors and reads what it is sent.
    pub(super) fn tell_error(&mut self, kind: Kind, text: &str, device: &str, cause: Option<&Cause<'_>>) {
        let Some(subscription) = self.downlink.errors else { return };
        if self.outbox.bytes.len() >= OUTBOX_BYTES {
            self.bridge.counters.gateway_errors_lost.one();
            return;
        }
        let mut error = json!({ "error_type": kind.name(), "description": text, "device_id": device });
        if let Some(Cause { topic, id }) = cause {
            error["mqtt_message_info"] = json!({ "message_type": "PUBLISH", "topic": topic });
            if let Some(id) = id {
                error["mqtt_message_info"]["packet_id"] = id.get().into();
            }
        }
        let place = self.parties.own.place;
        // At QoS 0 whatever was asked for: nobody waits for an acknowledgement.
        let once = subscription.at_most_once();
        if self.push(place, once, "errors", Bytes::from(error.to_string()), None).is_err() {
            // Larger than the gateway's maximum packet size.
            self.bridge.counters.gateway_errors_lost.one();
        }
    }
}
