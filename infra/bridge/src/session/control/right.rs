//! A gateway's right to a device: what an attach shows for it, and what the records say.

use std::sync::Arc;

use domain::gateway::attach::admit;
use domain::{Device, DeviceKey, DomainError, PortError};
use protocol::DeviceRef;
use protocol::limits::MAX_TOKEN_BYTES;
use serde::Deserialize;

use crate::bridge::Bridge;
use crate::reach::Reach;
use crate::sessions::{Seat, Sessions};

/// The payload of an attach in bytes: a token, and the JSON around it.
const MAX_ATTACH_BYTES: usize = MAX_TOKEN_BYTES + 1024;

#[derive(Deserialize)]
struct Authorization {
    #[serde(default)]
    authorization: Option<String>,
}

/// The device's token in the payload of an attach; `None` without one.
pub(super) fn token(payload: &[u8]) -> Result<Option<Box<str>>, DomainError> {
    let refused = |text: String| DomainError::invalid("authorization", text);
    if payload.len() > MAX_ATTACH_BYTES {
        return Err(refused(format!("payload of {} bytes exceeds the limit of {MAX_ATTACH_BYTES} bytes", payload.len())));
    }
    if payload.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_slice::<Authorization>(payload);
    let read = read.map_err(|e| refused(format!("the payload is neither empty nor {{\"authorization\": \"JWT\"}}: {e}")))?;
    Ok(read.authorization.filter(|token| !token.is_empty()).map(String::into_boxed_str))
}

/// Checks the gateway's right to the device as the records are now.
async fn check(bridge: &Bridge, gateway: &DeviceKey, device: &DeviceRef, token: Option<&str>) -> Result<(Device, Device), DomainError> {
    let stores = &bridge.fanout.stores;
    let found = stores.devices.get(&gateway.to_string()).await?;
    let gateway = found.ok_or_else(|| DomainError::NotFound(format!("gateway `{}`", gateway.id)))?.value;
    let device = admit(stores, &gateway, device, token, bridge.fanout.clock.now()).await?;
    Ok((gateway, device))
}

/// The same, of a device that is attached, when the records may have changed.
pub(in crate::session) async fn check_again(bridge: &Bridge, gateway: &DeviceKey, device: &Claim) -> Result<Device, DomainError> {
    Ok(check(bridge, gateway, &device.named, device.token.as_deref()).await?.1)
}

/// What is needed to check an attached device again.
pub(in crate::session) struct Claim {
    pub(in crate::session) place: u64,
    pub(in crate::session) named: DeviceRef,
    pub(in crate::session) token: Option<Box<str>>,
}

/// Checks the right, notes it, and enters the device unless it is there already (`reach` is `None`).
pub(super) async fn attach(
    bridge: &Arc<Bridge>,
    gateway: &DeviceKey,
    device: &DeviceRef,
    token: Option<&str>,
    reach: Option<Reach>,
) -> Result<(Device, Option<Seat>), DomainError> {
    let (_, device) = check(bridge, gateway, device, token).await?;
    let noted: Result<(), PortError> = bridge.fanout.statuses.came_through(&device.key, &gateway.id).await;
    if let Err(e) = noted {
        bridge.records_failed(&e);
    }
    let Some(reach) = reach else { return Ok((device, None)) };
    let mut seat = Sessions::attach(bridge, &device.key, &reach);
    seat.announce().await;
    Ok((device, Some(seat)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attach_may_carry_a_token_or_nothing() {
        for nothing in ["", "{}", r#"{"authorization": ""}"#, r#"{"authorization": null}"#] {
            assert_eq!(token(nothing.as_bytes()).unwrap(), None, "{nothing}");
        }
        assert_eq!(token(br#"{"authorization" : "a.b.c", "x": 1}"#).unwrap().as_deref(), Some("a.b.c"));
        for wrong in ["null", "a.b.c", r#"{"authorization": 1}"#, &" ".repeat(MAX_ATTACH_BYTES + 1)] {
            assert!(token(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
