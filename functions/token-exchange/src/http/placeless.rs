//! A device's name without its location: `projects/P/registries/R/devices/D`.
//!
//! Cloud IoT Core had three regions, and clients in the field left them out. The registry must be in exactly one of
//! these three: always three reads, however many registries there are. Elsewhere, or in several, is refused like an
//! unknown device, with one signature check and the same words, so that strangers learn nothing.

use std::fmt;

use domain::PortError;
use domain::identity::{Refusal, UnverifiedJwt};
use domain::ports::Stores;
use edge::DeviceErrors;
use futures_util::future::try_join_all;
use protocol::{DeviceName, DeviceRef, Location, ProjectId, RegistryId, RegistryName};

use super::admit::NotAdmitted;

/// Where Cloud IoT Core was.
const REGIONS: [&str; 3] = ["asia-east1", "europe-west1", "us-central1"];

/// Said with every refusal, whatever its reason.
pub(super) const HINT: &str =
    "; without `/locations/...` in the path the registry must be in exactly one of asia-east1, europe-west1 and us-central1";

pub(super) struct Placeless {
    pub(super) project: ProjectId,
    pub(super) registry: RegistryId,
    pub(super) device: DeviceRef,
}

impl fmt::Display for Placeless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/registries/{}/devices/{}", self.project, self.registry, self.device)
    }
}

impl Placeless {
    /// The whole name, if there is exactly one such registry. Three reads.
    pub(super) async fn resolve(&self, stores: &Stores) -> Result<Option<DeviceName>, PortError> {
        let named = REGIONS.iter().filter_map(|region| region.parse::<Location>().ok()).map(|location| {
            let registry = RegistryName { project: self.project.clone(), location, registry: self.registry.clone() };
            async move { Ok::<_, PortError>(stores.registries.get(&registry.to_string()).await?.map(|_| registry)) }
        });
        let mut found = try_join_all(named).await?.into_iter().flatten();
        let (first, second) = (found.next(), found.next());
        Ok(first.filter(|_| second.is_none()).map(|registry| DeviceName { registry, device: self.device.clone() }))
    }

    /// The refusal that a device would get that does not exist.
    pub(super) fn refuse(&self, token: &str, errors: &DeviceErrors<'_>) -> NotAdmitted {
        let refusal = UnverifiedJwt::parse(token).and_then(|jwt| jwt.verify(&self.project, None, errors.now)).err();
        NotAdmitted::Refused(errors.timed(refusal.unwrap_or(Refusal::UnknownDeviceOrKey).into()))
    }
}
