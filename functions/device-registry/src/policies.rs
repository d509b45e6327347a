//! IAM policies: read, replaced, asked about.
//!
//! Promise: a policy that carries an etag replaces the one that had it and no other, however many write at once; a registry
//! that is created anew has none of an older one's. So a deletion removes the policy after the registry, a creation first
//! removes what a deletion that was cut off left behind ([`remove_remains`]), and a write looks again whether there is still
//! something it is of. A write without etag that is under way across a deletion *and* a creation counts for the new registry.

use domain::device::{self, Device, GatewayType};
use domain::iam::{self, MAX_ASKED_PERMISSIONS, Policy, PolicyOf};
use domain::ports::{Expect, Versioned, Written};
use domain::{DomainError, PortError};
use protocol::{DeviceName, DeviceRef, RegistryName};

use crate::{Deps, registries};

/// The policy; `None` while nobody has set one. NOT_FOUND when there is nothing it could be of.
pub(crate) async fn get(deps: &Deps, of: &PolicyOf) -> Result<Option<Versioned<Policy>>, DomainError> {
    look(deps, of).await?;
    Ok(deps.stores.policies.get(&of.to_string()).await?)
}

/// Puts `policy` in the place of the one that has `etag`; of any, when it is empty.
pub(crate) async fn set(deps: &Deps, of: &PolicyOf, policy: Policy, etag: &[u8]) -> Result<Versioned<Policy>, DomainError> {
    look(deps, of).await?;
    let key = of.to_string();
    let Some(expect) = iam::expected(etag) else { return Err(changed(deps, of, etag).await?) };
    let Written::Stored(version) = deps.stores.policies.put(&key, &policy, expect).await? else {
        return Err(changed(deps, of, etag).await?);
    };
    if let Err(gone) = look(deps, of).await {
        // Conflict: somebody wrote after us, and looks again as we do.
        deps.stores.policies.delete(&key, Expect::Version(version)).await?;
        return Err(gone);
    }
    Ok(Versioned { value: policy, version })
}

/// The refusal of a write whose etag is not, or no longer, that of the policy.
async fn changed(deps: &Deps, of: &PolicyOf, etag: &[u8]) -> Result<DomainError, PortError> {
    let now = deps.stores.policies.get(&of.to_string()).await?;
    let [now, sent] = [&*iam::etag(now.map(|found| found.version)), etag].map(edge::encode_base64);
    let text = format!(
        "the etag of the policy of `{of}` is `{now}`, the one sent is `{sent}`: read the policy again, change that, and set it with its etag"
    );
    Ok(DomainError::Conflict(text))
}

/// NOT_FOUND when there is no such registry or group any more.
async fn look(deps: &Deps, of: &PolicyOf) -> Result<(), DomainError> {
    match of {
        PolicyOf::Registry(name) => registries::get(deps, name).await.map(|_| ()),
        PolicyOf::Group(registry, number) => {
            let name = DeviceName { registry: registry.clone(), device: DeviceRef::NumId(*number) };
            let is_there = is_group(deps, &name).await?;
            is_there.then_some(()).ok_or_else(|| DomainError::NotFound(format!("group `{of}`")))
        }
    }
}

/// Whether there is such a registry.
pub(crate) async fn is_registry(deps: &Deps, name: &RegistryName) -> Result<bool, PortError> {
    Ok(deps.stores.registries.get(&name.to_string()).await?.is_some())
}

/// Whether `name` is a gateway, and so a group.
pub(crate) async fn is_group(deps: &Deps, name: &DeviceName) -> Result<bool, PortError> {
    let found = device::find(&deps.stores, name).await?;
    Ok(found.is_some_and(|device| device.value.gateway.kind == GatewayType::Gateway))
}

/// The permissions that a call asks about. INVALID_ARGUMENT names the first that is none.
pub(crate) fn asked(sent: &[String]) -> Result<Vec<&'static str>, DomainError> {
    if sent.len() > MAX_ASKED_PERMISSIONS {
        return Err(DomainError::invalid("permissions", format!("{} permissions exceed the limit of {MAX_ASKED_PERMISSIONS}", sent.len())));
    }
    let read =
        |(place, text): (usize, &String)| iam::permission(text).map_err(|why| DomainError::invalid(format!("permissions[{place}]"), why));
    sent.iter().enumerate().map(read).collect()
}

/// Removes the policy of a registry that is not there: after its deletion, and before the name is used again. It is read before
/// the look at the registry and removed only as it was read, so that the policy of one that is created meanwhile stays.
pub(crate) async fn remove_remains(deps: &Deps, name: &RegistryName) -> Result<(), PortError> {
    let key = PolicyOf::Registry(name.clone()).to_string();
    while let Some(left) = deps.stores.policies.get(&key).await? {
        let is_taken = is_registry(deps, name).await?;
        if is_taken || deps.stores.policies.delete(&key, Expect::Version(left.version)).await? != Written::Conflict {
            break;
        }
    }
    Ok(())
}

/// After a gateway was deleted or became none: its group is gone, and the group's policy with it.
pub(crate) async fn forget_group(deps: &Deps, gateway: &Device) -> Result<(), PortError> {
    if gateway.gateway.kind == GatewayType::Gateway {
        let of = PolicyOf::Group(gateway.key.registry.clone(), gateway.num_id);
        deps.stores.policies.delete(&of.to_string(), Expect::Anything).await?;
    }
    Ok(())
}
