//! Where policies are kept, their etags, and what they grant.
//!
//! A policy is a record of its own: it changes at another rate and by other hands than the registry, and devices, which cause
//! their registry to be read, have no use for it. A group's is kept under its gateway's number, so that a gateway that is made
//! anew under its id has none.

use std::fmt;

use protocol::{DeviceName, DeviceRef, RegistryName};

use super::Principal;
use crate::PortError;
use crate::device::{self, GatewayType};
use crate::ports::{Expect, Stores};

/// The etag of what has no policy yet, as Google has it: `ACAB` in base64.
pub const NO_POLICY_ETAG: [u8; 3] = [0x00, 0x20, 0x01];

/// What has a policy; written out, the key of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOf {
    /// A registry, with all that is in it.
    Registry(RegistryName),
    /// A group: the devices of the gateway with this number, as they are reached through the group.
    Group(RegistryName, u64),
}

impl PolicyOf {
    /// The registry.
    pub fn registry(&self) -> &RegistryName {
        match self {
            Self::Registry(name) | Self::Group(name, _) => name,
        }
    }
}

impl fmt::Display for PolicyOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "{name}"),
            Self::Group(name, gateway) => write!(f, "{name}/groups/{gateway}"),
        }
    }
}

/// The etag of a policy at this version of its record; without one, [`NO_POLICY_ETAG`].
pub fn etag(version: Option<u64>) -> Vec<u8> {
    version.map_or_else(|| NO_POLICY_ETAG.to_vec(), |v| v.to_be_bytes().to_vec())
}

/// What a write with `etag` expects; an empty one expects nothing. `None`: no policy ever had it.
pub fn expected(etag: &[u8]) -> Option<Expect> {
    if etag.is_empty() {
        return Some(Expect::Anything);
    }
    if etag == NO_POLICY_ETAG {
        return Some(Expect::Absent);
    }
    etag.try_into().ok().map(|bytes| Expect::Version(u64::from_be_bytes(bytes)))
}

/// Which of `asked` the policies grant `principal` on `resource`, a name as in `projects/p/locations/l/registries/r/devices/d`:
/// that of its registry, and below `groups/g` that of the group too. One read; with a group two more, three by number.
pub async fn granted<'a>(stores: &Stores, principal: &Principal, asked: &[&'a str], resource: &str) -> Result<Vec<&'a str>, PortError> {
    let Some((registry, group)) = read(resource) else { return Ok(Vec::new()) };
    let mut kept = vec![PolicyOf::Registry(registry.clone())];
    if let Some(device) = group {
        let gateway = device::find(stores, &DeviceName { registry: registry.clone(), device }).await?;
        let gateway = gateway.filter(|g| g.value.gateway.kind == GatewayType::Gateway);
        kept.extend(gateway.map(|g| PolicyOf::Group(registry, g.value.num_id)));
    }
    let mut granted = Vec::new();
    for of in kept {
        if let Some(policy) = stores.policies.get(&of.to_string()).await? {
            granted.extend(asked.iter().copied().filter(|permission| policy.value.allows(principal, permission)));
        }
    }
    Ok(granted)
}

/// The registry, and the group if it is in one.
fn read(resource: &str) -> Option<(RegistryName, Option<DeviceRef>)> {
    // `projects/p/locations/l/registries/r` are six.
    let end = resource.match_indices('/').nth(5).map_or(resource.len(), |(at, _)| at);
    let registry = resource[..end].parse().ok()?;
    let group = resource[end..].strip_prefix("/groups/").and_then(|rest| rest.split('/').next()?.parse().ok());
    Some((registry, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_the_version_that_a_write_with_it_expects() {
        for version in [0, 1, 1 << 40, u64::MAX] {
            assert_eq!(expected(&etag(Some(version))), Some(Expect::Version(version)));
        }
        assert_eq!((expected(&etag(None)), expected(&[])), (Some(Expect::Absent), Some(Expect::Anything)));
        for other in [[0_u8].as_slice(), &[0; 4], &[0; 9]] {
            assert_eq!(expected(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_resource_is_in_its_registry_and_in_its_group() {
        const R: &str = "projects/p/locations/l/registries/reg";
        let group = |resource: &str| read(resource).map(|(registry, group)| (registry.to_string(), group.map(|g| g.to_string())));
        for (resource, expected) in [
            (R.to_owned(), None),
            (format!("{R}/devices/dev"), None),
            (format!("{R}/groups/gw1"), Some("gw1")),
            (format!("{R}/groups/2600000000000000"), Some("2600000000000000")),
            (format!("{R}/groups/1x"), None),
        ] {
            assert_eq!(group(&resource), Some((R.to_owned(), expected.map(str::to_owned))), "{resource}");
        }
        for no in ["", "projects/p/locations/l", "projects/p/locations/l/registries/1x", "a/b/c/d/e/f"] {
            assert_eq!(group(no), None, "{no}");
        }
    }

    #[test]
    fn a_registry_and_its_groups_have_a_key_each() {
        let name: RegistryName = "projects/p/locations/l/registries/reg".parse().unwrap();
        let key = |of: &PolicyOf| (of.to_string(), of.registry() == &name);
        assert_eq!(key(&PolicyOf::Registry(name.clone())), (name.to_string(), true));
        assert_eq!(key(&PolicyOf::Group(name.clone(), 7)), (format!("{name}/groups/7"), true));
    }
}
