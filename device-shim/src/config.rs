//! What the shim is told: one TOML file, read once. Every key stands, with its meaning, in `config/example.toml`.
//!
//! An unknown key or a bad value stops the start with exit code 64 and a sentence that names key, value and what is
//! allowed.

mod bridge;
mod error;
mod parse;
mod section;
mod settings;

use std::path::{Path, PathBuf};

use protocol::DeviceName;

pub use bridge::Bridge;
pub use error::ConfigError;
pub use settings::{Accept, BackoffConfig, FullPolicy, LinkConfig, SpoolConfig, SpoolKind};

/// A commented configuration with every key at its default; `drawbridge-shim config --example` prints it.
pub const EXAMPLE: &str = include_str!("config/example.toml");

/// All that `drawbridge-shim run` needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which device it speaks for; also its MQTT client id.
    pub device: DeviceName,
    /// The device's private key, PEM.
    pub private_key: PathBuf,
    /// Where the cloud's bridge is.
    pub bridge: Bridge,
    /// Where the cloud's HTTP functions are: a scheme, a host, perhaps a port.
    pub cloud: Option<reqwest::Url>,
    /// Addresses of these two where tokens cross a network in clear, as `allow_unencrypted` lets them.
    pub in_clear: Vec<String>,
    /// Roots to trust instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// The shim's own folder.
    pub data_dir: PathBuf,
    /// Written as JSON with every bound address once everything listens.
    pub ready_file: Option<PathBuf>,
    /// How readings come in.
    pub accept: Accept,
    /// Where readings are kept.
    pub spool: SpoolConfig,
    /// How readings go out.
    pub link: LinkConfig,
    /// How long to wait before connecting again.
    pub backoff: BackoffConfig,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.into(), problem: error.to_string() })?;
        Self::parse(&text)
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        parse::config(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "device = \"projects/p-1/locations/l/registries/reg/devices/dev\"\nprivate_key = \"key.pem\"\nbridge = \"mqtts://b.example\"\n";

    fn with(more: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("{LEAST}{more}"))
    }

    #[test]
    fn the_example_holds_every_default() {
        let example = Config::parse(EXAMPLE).unwrap();
        let mut least = with("").unwrap();
        (least.device, least.private_key, least.bridge) = (example.device.clone(), example.private_key.clone(), example.bridge.clone());
        (least.accept.mqtt, least.accept.http) = (example.accept.mqtt, example.accept.http);
        assert_eq!(example, least);
    }

    #[test]
    fn a_refusal_names_the_key_the_value_and_what_is_allowed() {
        for (more, expected) in [
            ("colour = 1", "key `colour` is unknown; allowed here: device, private_key, bridge, "),
            ("cloud = \"c.example\"", "key `cloud` is \"c.example\": it must be https://host[:port] or http://host[:port]"),
            ("cloud = \"https://c.example/v1\"", "key `cloud` is \"https://c.example/v1\": it must be https://host[:port]"),
            ("[link]\nwindw = 1", "key `link.windw` is unknown; allowed here: window, "),
            ("[link]\nwindow = 0", "key `link.window` is 0: it must be a whole number from 1 to 1000"),
            ("[link]\nwindow = \"many\"", "key `link.window` is \"many\": it must be a whole number from 1 to 1000"),
            ("[link]\ntoken_life_secs = 90000", "key `link.token_life_secs` is 90000: it must be a whole number from 4 to 86400"),
            ("[accept]\nhttp = \"0.0.0.0:80\"", "key `accept.http` is \"0.0.0.0:80\": it must be a loopback address with a port"),
            ("[accept]\nmqtt = 1883", "key `accept.mqtt` is 1883: it must be a loopback address with a port"),
            ("[spool]\npolicy = \"panic\"", "key `spool.policy` is \"panic\": it must be \"drop-oldest\" or \"reject\""),
            ("[spool]\nmax_bytes = 5", "key `spool.max_bytes` is 5: it must be a whole number from 134217728 to 1099511627776"),
            ("[backoff]\nmin_ms = 500\nmax_ms = 100", "key `backoff.max_ms` is 100: it must be a whole number from 500 to 3600000"),
            ("[backoff]\njitter = 2", "key `backoff.jitter` is 2: it must be a number from 0.0 to 1.0"),
            ("accept = 3", "key `accept` is 3: it must be a section, `[accept]`"),
        ] {
            let refusal = with(more).unwrap_err().to_string();
            assert!(refusal.starts_with(expected), "{more}: {refusal}");
        }
    }

    #[test]
    fn a_token_crosses_no_network_in_clear_unless_that_is_allowed() {
        let bridge = |address: &str, more: &str| Config::parse(&format!("{}{more}", LEAST.replace("mqtts://b.example", address)));
        let says = "key `bridge` is \"mqtt://192.0.2.7:1883\", without TLS: whoever is on the way reads the device's token and can speak \
                    for it; use mqtts:// or wss://, or in a network of your own set `allow_unencrypted = true`";
        assert_eq!(bridge("mqtt://192.0.2.7", "").unwrap_err().to_string(), says);
        assert!(bridge("mqtt://b.example", "allow_unencrypted = false").is_err());
        let refusal = with("cloud = \"http://c.example\"").unwrap_err().to_string();
        assert!(
            refusal.starts_with("key `cloud` is \"http://c.example/\", without TLS: ") && refusal.contains("use https://, or"),
            "{refusal}"
        );
        for local in ["mqtt://127.0.0.1:1884", "ws://[::1]:8080/mqtt"] {
            assert!(bridge(local, "cloud = \"http://[::1]:8080\"").unwrap().in_clear.is_empty());
        }
        let allowed = bridge("ws://b.example", "cloud = \"http://192.0.2.7:8080\"\nallow_unencrypted = true").unwrap();
        assert_eq!(allowed.in_clear, ["ws://b.example:80/mqtt", "http://192.0.2.7:8080/"]);
        assert!(with("allow_unencrypted = true").unwrap().in_clear.is_empty(), "nothing to allow");
        let refusal = with("allow_unencrypted = 1").unwrap_err().to_string();
        assert_eq!(refusal, "key `allow_unencrypted` is 1: it must be true or false");
    }

    #[test]
    fn what_must_be_there_is_missed_by_name() {
        let refusal = Config::parse("private_key = \"k\"").unwrap_err().to_string();
        assert!(refusal.starts_with("key `device` is missing: it must be projects/{project}/"), "{refusal}");
        let refusal = Config::parse(&LEAST.replace("mqtts://b.example", "http://x")).unwrap_err().to_string();
        assert!(refusal.contains("key `bridge` is \"http://x\": it must be mqtts://host[:port]"), "{refusal}");
        let refusal = Config::parse("device = ").unwrap_err().to_string();
        assert!(refusal.starts_with("the configuration is not TOML: "), "{refusal}");
        let refusal = Config::parse(&LEAST.replace("/devices/dev", "")).unwrap_err().to_string();
        assert!(refusal.starts_with("key `device` is \"projects/p-1/locations/l/registries/reg\": it must be projects/"), "{refusal}");
    }
}
