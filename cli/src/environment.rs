//! Every variable that begins with `DRAWBRIDGE_` must be one we read: a misspelt one would be obeyed by nobody.

use std::ffi::OsString;

/// The variables of `drawbridge`, each named after its flag.
pub(crate) const KNOWN: &[&str] = &[
    "DRAWBRIDGE_ADMIN_TOKEN",
    "DRAWBRIDGE_CLOUDIOT_URL",
    "DRAWBRIDGE_COMMANDS",
    "DRAWBRIDGE_DATA",
    "DRAWBRIDGE_DEVICE",
    "DRAWBRIDGE_DEVICE_ACCESS_TOKEN",
    "DRAWBRIDGE_ENDPOINT",
    "DRAWBRIDGE_HTTP",
    "DRAWBRIDGE_IAMCREDENTIALS_URL",
    "DRAWBRIDGE_IAM_POLICY",
    "DRAWBRIDGE_IMPERSONATE",
    "DRAWBRIDGE_ISSUER",
    "DRAWBRIDGE_LOG",
    "DRAWBRIDGE_MQTT",
    "DRAWBRIDGE_MQTTS",
    "DRAWBRIDGE_NATS_CA",
    "DRAWBRIDGE_NATS_CERT",
    "DRAWBRIDGE_NATS_CREDENTIALS",
    "DRAWBRIDGE_NATS_KEY",
    "DRAWBRIDGE_OBJECTS",
    "DRAWBRIDGE_PRIVATE_KEY_FILE",
    "DRAWBRIDGE_PROFILE",
    "DRAWBRIDGE_PROJECT",
    "DRAWBRIDGE_PUBSUB",
    "DRAWBRIDGE_PUBSUB_ORDERING",
    "DRAWBRIDGE_PUBSUB_URL",
    "DRAWBRIDGE_READY_FILE",
    "DRAWBRIDGE_RECORDS",
    "DRAWBRIDGE_REGION",
    "DRAWBRIDGE_REGISTRY",
    "DRAWBRIDGE_SERVICE_ACCOUNTS",
    "DRAWBRIDGE_STORAGE_URL",
    "DRAWBRIDGE_TLS_CERT",
    "DRAWBRIDGE_TLS_KEY",
    "DRAWBRIDGE_TOKENS",
    "DRAWBRIDGE_TOKEN_SERVICE_URL",
];

/// Prefixes of variables that belong to other programs of the project.
const OTHERS: &[&str] = &["DRAWBRIDGE_SHIM_", "DRAWBRIDGE_TEST_", "DRAWBRIDGE_BIN", "DRAWBRIDGE_POWER_CUT"];

/// Refuses the first unknown variable, with the known ones.
pub(crate) fn check(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), String> {
    for (name, _) in variables {
        let name = name.to_string_lossy();
        let ours = name.starts_with("DRAWBRIDGE_") && !OTHERS.iter().any(|o| name.starts_with(o));
        if ours && !KNOWN.contains(&name.as_ref()) {
            return Err(format!("environment variable `{name}` is not known; known are {}", KNOWN.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_named() {
        let env = |name: &str| check([(name.into(), OsString::new())].into_iter());
        assert!(env("DRAWBRIDGE_HTTPS").unwrap_err().contains("`DRAWBRIDGE_HTTPS`"));
        assert!(env("DRAWBRIDGE_HTTP").is_ok() && env("HOME").is_ok() && env("DRAWBRIDGE_SHIM_BIN").is_ok());
    }
}
