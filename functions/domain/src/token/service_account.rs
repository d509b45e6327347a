//! Whom a device may act as.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DomainError;

/// Service accounts of one registry or device: as many as it has routes.
pub const MAX_SERVICE_ACCOUNTS: usize = 10;

/// The e-mail address of a service account: `name@project.iam.gserviceaccount.com` and its kin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceAccount(String);

impl ServiceAccount {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServiceAccount {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let legal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        match s.split_once('@') {
            Some((name, domain)) if s.len() <= 254 && legal(name) && legal(domain) && domain.contains('.') => Ok(Self(s.to_owned())),
            _ => {
                let shown: String = s.chars().take(64).flat_map(char::escape_debug).collect();
                Err(format!("`{shown}` is not a service account: expected an address such as `name@project.iam.gserviceaccount.com`"))
            }
        }
    }
}

impl TryFrom<String> for ServiceAccount {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ServiceAccount> for String {
    fn from(account: ServiceAccount) -> Self {
        account.0
    }
}

/// Checks the list of a registry or device: at most [`MAX_SERVICE_ACCOUNTS`].
pub fn check_accounts(accounts: &[ServiceAccount]) -> Result<(), DomainError> {
    match accounts.len() {
        0..=MAX_SERVICE_ACCOUNTS => Ok(()),
        n => {
            let text = format!("{n} service accounts exceed the limit of {MAX_SERVICE_ACCOUNTS}");
            Err(DomainError::invalid("service_accounts", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_an_address_that_no_path_can_hide_in() {
        assert!("n@p.iam.gserviceaccount.com".parse::<ServiceAccount>().is_ok());
        for bad in ["", "n", "n@", "@p.com", "n@p", "n/../x@p.com", "n@p.com:generateAccessToken", "a@b@c.d", "n@p.com?x"] {
            assert!(bad.parse::<ServiceAccount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_may_act_as_whom_its_own_list_names_or_without_one_its_registrys() {
        let (fleet, own): (ServiceAccount, ServiceAccount) = ("fleet@p.x.com".parse().unwrap(), "own@p.x.com".parse().unwrap());
        let registry = |name: &str| -> crate::Registry {
            let name: protocol::RegistryName = format!("projects/p/locations/l/registries/{name}").parse().unwrap();
            serde_json::from_value(serde_json::json!({
                "name": name, "routes": [], "state_topic": null, "mqtt_enabled": true, "http_enabled": true, "log_level": "None",
                "ca_certificates": [], "service_accounts": ["fleet@p.x.com"],
            }))
            .unwrap()
        };
        let device = |accounts: &[&ServiceAccount]| -> crate::Device {
            let key = crate::DeviceKey { registry: registry("reg").name, id: "dev".parse().unwrap() };
            serde_json::from_value(serde_json::json!({
                "key": key, "num_id": 1, "credentials": [], "blocked": false, "metadata": {}, "log_level": "None",
                "gateway": crate::device::GatewaySettings::default(), "service_accounts": accounts,
            }))
            .unwrap()
        };
        let may = |device: crate::Device, in_registry: &str| {
            let registry = registry(in_registry);
            (device.may_act_as(&fleet, &registry), device.may_act_as(&own, &registry))
        };
        assert_eq!(may(device(&[]), "reg"), (true, false));
        assert_eq!(may(device(&[&own]), "reg"), (false, true));
        assert_eq!(may(device(&[&own]), "other"), (false, false), "a registry that is not its own");
    }
}
