//! What to do about a connection that does not come about.

use crate::config::Config;
use crate::link::LinkError;

/// The next step, one sentence.
pub(super) fn on(error: &LinkError, config: &Config) -> String {
    match error {
        LinkError::Unreachable { step: "speak TLS with", problem, .. } => tls(problem, config),
        LinkError::Unreachable { step: "open a WebSocket at", .. } => format!(
            "Does an installation that runs `bridge` answer at {}, and is `{}` its path? Ours is /mqtt.",
            config.bridge.host,
            config.bridge.path.as_deref().unwrap_or_default()
        ),
        LinkError::NotYetValid { .. } => "Check this device's clock with `date -u`, then the dates of the bridge's certificate.".into(),
        LinkError::Unreachable { .. } | LinkError::Silent { .. } => {
            format!("Is the bridge up, and does a firewall let port {} through?", config.bridge.port)
        }
        LinkError::Refused { code: 133, .. } => format!("Check `device`: {}.", config.device),
        LinkError::Refused { code: 132..=135 | 138 | 140, .. } => format!(
            "Compare the public half of {} with the device's credentials in the registry, and see whether the device is blocked.",
            config.private_key.display()
        ),
        LinkError::Refused { .. } | LinkError::Disconnected { .. } => "Wait, the bridge is busy or stopping; then try again.".into(),
        LinkError::Cut(_) | LinkError::Protocol(_) | LinkError::TooLarge { .. } => {
            format!("Does {} speak MQTT 5, and {} TLS?", config.bridge, if config.bridge.tls { "with" } else { "without" })
        }
    }
}

fn tls(problem: &str, config: &Config) -> String {
    if problem.contains("UnknownIssuer") || problem.contains("BadSignature") {
        return "Set `ca` to a PEM file with the root that signed the bridge's certificate.".into();
    }
    if problem.contains("NotValidForName") || problem.contains("not valid for name") {
        return format!("The certificate is of another name than `{}`: check `bridge`.", config.bridge.host);
    }
    if problem.contains("Expired") || problem.contains("expired") {
        return "Check this device's clock with `date -u`, then the dates of the bridge's certificate.".into();
    }
    format!("Does {} speak TLS on port {}?", config.bridge.host, config.bridge.port)
}
