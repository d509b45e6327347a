//! Which devices may act as which service accounts.
//!
//! The cloud has the last word (`roles/iam.workloadIdentityUser` on the account); this list is the first, so that a
//! device cannot try accounts out.

use std::collections::HashSet;
use std::str::FromStr;

use domain::DeviceKey;
use domain::token::ServiceAccount;
use protocol::{DeviceName, DeviceRef, RegistryName};

/// Allowances: `NAME=ACCOUNT`, where NAME is a registry's or a device's full name. What is not allowed is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Impersonation {
    allowed: HashSet<(String, ServiceAccount)>,
}

impl Impersonation {
    /// Reads allowances; the error names the one that cannot be read, and why.
    pub fn read<'a>(allowances: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut all = Self::default();
        for allowance in allowances {
            let (name, account) = allowance.split_once('=').ok_or_else(|| {
                format!("`{allowance}` is not `NAME=ACCOUNT`, where NAME is a registry `projects/…/registries/…` or a device in it")
            })?;
            let account = ServiceAccount::from_str(account).map_err(|e| format!("`{allowance}`: {e}"))?;
            all.allowed.insert((resource(name).map_err(|e| format!("`{allowance}`: {e}"))?, account));
        }
        Ok(all)
    }

    /// All that is allowed: a registry's or a device's full name, and an account.
    pub fn allowances(&self) -> impl Iterator<Item = (&str, &ServiceAccount)> {
        self.allowed.iter().map(|(name, account)| (name.as_str(), account))
    }

    /// Whether `device`, by itself or by its registry, may act as `account`.
    pub fn allows(&self, device: &DeviceKey, account: &ServiceAccount) -> bool {
        let is_listed = |name: String| self.allowed.contains(&(name, account.clone()));
        is_listed(device.to_string()) || is_listed(device.registry.to_string())
    }
}

/// Allowances separated by commas, as a flag has them; an empty text allows nothing.
impl FromStr for Impersonation {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::read(s.split(',').map(str::trim).filter(|a| !a.is_empty()))
    }
}

fn resource(name: &str) -> Result<String, String> {
    if !name.contains("/devices/") {
        return name.parse::<RegistryName>().map(|n| n.to_string()).map_err(|e| e.to_string());
    }
    let device: DeviceName = name.parse().map_err(|e: protocol::NameError| e.to_string())?;
    match device.device {
        DeviceRef::Id(_) => Ok(device.to_string()),
        DeviceRef::NumId(n) => Err(format!("name the device by its id, not by its number {n}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "projects/p/locations/l/registries/reg";

    #[test]
    fn a_registry_allows_all_its_devices_and_a_device_only_itself() {
        let rules = [format!("{REGISTRY}=all@p.iam.x.com"), format!("{REGISTRY}/devices/one=one@p.iam.x.com")];
        let rules = Impersonation::read(rules.iter().map(String::as_str)).unwrap();
        let device = |registry: &str, id: &str| DeviceKey { registry: registry.parse().unwrap(), id: id.parse().unwrap() };
        let allows = |key: &DeviceKey, account: &str| rules.allows(key, &account.parse().unwrap());
        let (one, two) = (device(REGISTRY, "one"), device(REGISTRY, "two"));
        assert!(allows(&one, "all@p.iam.x.com") && allows(&two, "all@p.iam.x.com") && allows(&one, "one@p.iam.x.com"));
        assert!(!allows(&two, "one@p.iam.x.com") && !allows(&one, "other@p.iam.x.com"));
        assert!(!allows(&device("projects/p/locations/l/registries/reg2", "one"), "all@p.iam.x.com"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!("".parse::<Impersonation>().unwrap(), Impersonation::default());
        assert_eq!(format!("{REGISTRY}=a@b.c, {REGISTRY}=d@e.f").parse::<Impersonation>().unwrap().allowances().count(), 2);
        for bad in ["x", "projects/p=a@b.c", &format!("{REGISTRY}=nobody"), &format!("{REGISTRY}/devices/12=a@b.c")] {
            assert!(Impersonation::read([bad]).unwrap_err().contains(&format!("`{bad}`")), "{bad}");
        }
    }
}
