//! Registries: create, get, list, update, delete.

use domain::ports::{Expect, Page, Versioned, Written};
use domain::{CertificateDetails, DomainError, Registry, Timestamp, broadcast};
use edge::PageRequest;
use protocol::{Location, ProjectId, RegistryName};

use crate::convert::{bad_name, credential, enums, registry as convert};
use crate::mask::Mask;
use crate::{Deps, pb, policies};

/// What an update may name.
pub(crate) const MUTABLE: [&str; 11] = [
    "event_notification_configs",
    "state_notification_config",
    "state_notification_config.pubsub_topic_name",
    "mqtt_config",
    "mqtt_config.mqtt_enabled_state",
    "http_config",
    "http_config.http_enabled_state",
    "log_level",
    "credentials",
    "object_rules",
    "service_accounts",
];

fn not_found(name: &RegistryName) -> DomainError {
    DomainError::NotFound(format!("registry `{name}`"))
}

/// Creates a registry with the id in `sent`. One write, after what an older one of that id left behind is removed.
pub(crate) async fn create(
    deps: &Deps,
    project: ProjectId,
    location: Location,
    sent: &pb::DeviceRegistry,
) -> Result<Registry, DomainError> {
    let id = sent.id.parse().map_err(bad_name("device_registry.id"))?;
    let registry = Registry {
        name: RegistryName { project, location, registry: id },
        routes: convert::routes(&sent.event_notification_configs)?,
        state_topic: convert::state_topic(sent.state_notification_config.as_ref())?,
        mqtt_enabled: convert::mqtt_enabled(sent.mqtt_config.as_ref()),
        http_enabled: convert::http_enabled(sent.http_config.as_ref()),
        log_level: enums::log_level(sent.log_level)?,
        ca_certificates: credential::ca(&sent.credentials)?,
        object_rules: convert::object_rules(&sent.object_rules)?,
        service_accounts: credential::accounts(&sent.service_accounts)?,
    };
    registry.validate()?;
    check_added(&registry.ca_certificates, &[], deps.now())?;
    policies::remove_remains(deps, &registry.name).await?;
    match deps.stores.registries.put(&registry.name.to_string(), &registry, Expect::Absent).await? {
        Written::Stored(_) => Ok(registry),
        Written::Conflict => Err(DomainError::AlreadyExists(format!("registry `{}`", registry.name))),
    }
}

/// The registry and its version, or NOT_FOUND.
pub(crate) async fn get(deps: &Deps, name: &RegistryName) -> Result<Versioned<Registry>, DomainError> {
    deps.stores.registries.get(&name.to_string()).await?.ok_or_else(|| not_found(name))
}

/// What every registry key of a location starts with.
pub(crate) fn parent(project: &ProjectId, location: &Location) -> String {
    format!("projects/{project}/locations/{location}/registries/")
}

/// One page of a location's registries, by id.
pub(crate) async fn list(deps: &Deps, parent: &str, page: &PageRequest) -> Result<Page<Registry>, DomainError> {
    Ok(deps.stores.registries.list(parent, page.after.as_deref(), page.size).await?)
}

/// Changes the fields of `mask` to what `sent` says. Reads and writes until nobody comes between.
pub(crate) async fn update(deps: &Deps, name: &RegistryName, sent: &pb::DeviceRegistry, mask: &Mask) -> Result<Registry, DomainError> {
    loop {
        let Versioned { value: old, version } = get(deps, name).await?;
        let mut new = old.clone();
        apply(&mut new, sent, mask)?;
        new.validate()?;
        check_added(&new.ca_certificates, &old.ca_certificates, deps.now())?;
        if let Written::Stored(_) = deps.stores.registries.put(&name.to_string(), &new, Expect::Version(version)).await? {
            return Ok(new);
        }
    }
}

fn apply(registry: &mut Registry, sent: &pb::DeviceRegistry, mask: &Mask) -> Result<(), DomainError> {
    if mask.touches("event_notification_configs") {
        registry.routes = convert::routes(&sent.event_notification_configs)?;
    }
    // The next three have one field each, so a path below them means the same.
    if mask.touches("state_notification_config") {
        registry.state_topic = convert::state_topic(sent.state_notification_config.as_ref())?;
    }
    if mask.touches("mqtt_config") {
        registry.mqtt_enabled = convert::mqtt_enabled(sent.mqtt_config.as_ref());
    }
    if mask.touches("http_config") {
        registry.http_enabled = convert::http_enabled(sent.http_config.as_ref());
    }
    if mask.touches("log_level") {
        registry.log_level = enums::log_level(sent.log_level)?;
    }
    if mask.touches("credentials") {
        registry.ca_certificates = credential::ca(&sent.credentials)?;
    }
    if mask.touches("object_rules") {
        registry.object_rules = convert::object_rules(&sent.object_rules)?;
    }
    if mask.touches("service_accounts") {
        registry.service_accounts = credential::accounts(&sent.service_accounts)?;
    }
    Ok(())
}

/// Certificates are checked when they are added; one that is there already stays, expired or not.
fn check_added(new: &[String], old: &[String], now: Timestamp) -> Result<(), DomainError> {
    new.iter().filter(|pem| !old.contains(pem)).try_for_each(|pem| CertificateDetails::read(pem)?.check_ca(now))
}

/// Deletes a registry that has no devices.
///
/// A device may be created between the look and the delete. So both sides look again after they have written: we put
/// the registry back when a device has appeared, `devices::create` takes its device back when the registry has gone.
pub(crate) async fn delete(deps: &Deps, name: &RegistryName) -> Result<(), DomainError> {
    let key = name.to_string();
    loop {
        let found = get(deps, name).await?;
        refuse_with_devices(deps, name).await?;
        if deps.stores.registries.delete(&key, Expect::Version(found.version)).await? == Written::Conflict {
            continue;
        }
        let refused = refuse_with_devices(deps, name).await;
        if matches!(refused, Err(DomainError::Precondition(_))) {
            // Conflict: somebody created the registry anew meanwhile, and the device has a home again.
            deps.stores.registries.put(&key, &found.value, Expect::Absent).await?;
        }
        refused?;
        policies::remove_remains(deps, name).await?;
        return Ok(broadcast::forget(&deps.stores, name).await?);
    }
}

async fn refuse_with_devices(deps: &Deps, name: &RegistryName) -> Result<(), DomainError> {
    let devices = deps.stores.devices.list(&crate::devices::parent(name), None, 1).await?;
    match devices.items.first() {
        None => Ok(()),
        Some((_, device)) => Err(DomainError::Precondition(format!(
            "registry `{}` still has devices, `{}` for one: delete them first",
            name.registry, device.value.key.id
        ))),
    }
}
