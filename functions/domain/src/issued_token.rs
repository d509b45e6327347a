//! What is remembered of an access token, so that our own routes can take it too. Google's tokens are opaque: nobody but
//! Google can say whose one is. So the token service keeps a record of each that it gives to a device with object rules
//! for a scope that opens Cloud Storage: the SHA-256 of the token as the key, never the token.
//!
//! Bounds: one record for each token that was fetched, not for each that was served from a cache. Each new record pays
//! for the old: up to [`SWEPT`] records beside it are looked at, and removed if they have expired. Keys are spread
//! evenly, so of all records at most about a third are ones that have expired.

use aws_lc_rs::digest::{SHA256, digest};
use protocol::{DeviceName, DeviceRef};
use serde::{Deserialize, Serialize};

use crate::device::{Device, DeviceKey};
use crate::objects::Access;
use crate::ports::{Expect, Records, Stores};
use crate::token::{AccessToken, Scope};
use crate::{DomainError, PortError, Refusal, Registry, Timestamp};

/// Records beside a new one that are looked at.
pub const SWEPT: usize = 3;

/// Whose a token is, and until when. Says nothing of who the token speaks as at Google: a service account's is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The device.
    pub device: DeviceKey,
    /// Its number: a device that was deleted and created anew is another one.
    pub num_id: u64,
    /// What its scope allows with objects.
    pub access: Access,
    /// When the token stops to count.
    pub expires_at: Timestamp,
}

/// A device that has shown an access token, with what was read to find out.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The device.
    pub device: Device,
    /// Its registry.
    pub registry: Registry,
    /// What the token allows, whatever the rules say.
    pub access: Access,
}

/// What a token of this scope allows with objects; `None` when it has nothing to do with them.
/// Source: developers.google.com/identity/protocols/oauth2/scopes, "Cloud Storage".
pub fn access(scope: &Scope) -> Option<Access> {
    let of = |part: &str| match part.strip_prefix("https://www.googleapis.com/auth/")? {
        "cloud-platform" | "devstorage.full_control" | "devstorage.read_write" => Some(Access::ReadWrite),
        "cloud-platform.read-only" | "devstorage.read_only" => Some(Access::Read),
        _ => None,
    };
    let all: Vec<_> = scope.parts().filter_map(of).collect();
    if all.contains(&Access::ReadWrite) { Some(Access::ReadWrite) } else { all.first().copied() }
}

/// SHA-256 of a token, in hexadecimal. A lookup by it takes as long for a token that is nearly right as for any other.
fn key(token: &str) -> String {
    digest(&SHA256, token.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Remembers that `token` was given to `device` for `access`. One write; a read and [`SWEPT`] removals at most.
///
/// # Errors
/// When the record may not be there.
pub async fn remember(
    tokens: &dyn Records<IssuedToken>,
    device: &Device,
    token: &AccessToken,
    access: Access,
    now: Timestamp,
) -> Result<(), PortError> {
    let key = key(token.secret.reveal());
    let issued = IssuedToken { device: device.key.clone(), num_id: device.num_id, access, expires_at: token.expires_at };
    tokens.put(&key, &issued, Expect::Anything).await?;
    let beside = tokens.list("", Some(&key), SWEPT).await?;
    for (old, record) in beside.items.iter().filter(|(_, record)| record.value.expires_at <= now) {
        // A conflict: another has just removed it.
        tokens.delete(old, Expect::Version(record.version)).await?;
    }
    Ok(())
}

/// Lets in the device that `name` means, if `token` was given to it, still counts, and the device still is there. Three
/// reads, and one if the token is not that device's: whether the device exists is then not looked at, so not told.
///
/// # Errors
/// [`DomainError::Refused`] when it is not let in.
pub async fn authenticate(stores: &Stores, name: &DeviceName, token: &str, now: Timestamp) -> Result<Holder, DomainError> {
    let issued = stores.issued_tokens.get(&key(token)).await?.ok_or(Refusal::UnknownAccessToken)?.value;
    let is_named = match &name.device {
        DeviceRef::Id(id) => *id == issued.device.id,
        DeviceRef::NumId(number) => *number == issued.num_id,
    };
    if !is_named || name.registry != issued.device.registry {
        return Err(Refusal::UnknownAccessToken.into());
    }
    if now >= issued.expires_at {
        return Err(Refusal::AccessTokenExpired { at: issued.expires_at, now }.into());
    }
    let device = stores.devices.get(&issued.device.to_string()).await?.map(|found| found.value);
    let device = device.filter(|device| device.num_id == issued.num_id).ok_or(Refusal::UnknownAccessToken)?;
    if device.blocked {
        return Err(Refusal::Blocked.into());
    }
    let registry = stores.registries.get(&issued.device.registry.to_string()).await?.ok_or(Refusal::UnknownAccessToken)?.value;
    Ok(Holder { device, registry, access: issued.access })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_no_more_than_it_says() {
        let of = |scopes: &str| {
            let full: Vec<_> = scopes.split(' ').map(|s| format!("https://www.googleapis.com/auth/{s}")).collect();
            access(&full.join(" ").parse().unwrap())
        };
        assert_eq!(of("cloud-platform"), Some(Access::ReadWrite));
        assert_eq!(of("devstorage.read_only pubsub"), Some(Access::Read));
        assert_eq!(of("devstorage.read_only devstorage.read_write"), Some(Access::ReadWrite));
        assert_eq!((of("pubsub"), of("iam"), access(&"devstorage.read_write".parse().unwrap())), (None, None, None));
    }

    #[test]
    fn a_key_is_the_sha_256_of_the_token() {
        assert_eq!(key("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
