//! The keys, section by section: what each may be, and what it is when it is not there.

use std::path::Path;

use protocol::limits::PUBLISH_WINDOW;

use super::bridge;
use super::section::Section;
use super::{Accept, BackoffConfig, Bridge, Config, ConfigError, FullPolicy, LinkConfig, SpoolConfig, SpoolKind};

pub(super) fn config(text: &str) -> Result<Config, ConfigError> {
    let mut root = Section::root(text)?;
    let device = root.parsed("device", "projects/{project}/locations/{location}/registries/{registry}/devices/{device}")?;
    let private_key = root.required_path("private_key", "the path of the device's private key")?;
    let bridge = parse_bridge(&mut root)?;
    let cloud = root.optional("cloud", read_cloud, "https://host[:port] or http://host[:port]")?;
    let in_clear = in_clear(&bridge, cloud.as_ref());
    if let (false, Some(address)) = (root.flag("allow_unencrypted")?, in_clear.first()) {
        return Err(address.refused());
    }
    let data_dir = root.path("data_dir")?.unwrap_or_else(|| "/var/lib/drawbridge-shim".into());
    let config = Config {
        device,
        private_key,
        bridge,
        cloud,
        in_clear: in_clear.into_iter().map(|address| address.text).collect(),
        ca: root.path("ca")?,
        ready_file: root.path("ready_file")?,
        accept: parse_accept(root.section("accept")?, &data_dir)?,
        spool: parse_spool(root.section("spool")?, &data_dir)?,
        link: parse_link(root.section("link")?)?,
        backoff: parse_backoff(root.section("backoff")?)?,
        data_dir,
    };
    root.finish()?;
    Ok(config)
}

fn parse_bridge(root: &mut Section) -> Result<Bridge, ConfigError> {
    let text: String = root.parsed("bridge", bridge::ALLOWED)?;
    Bridge::read(&text).ok_or_else(|| root.refuse("bridge", &format!("\"{text}\""), bridge::ALLOWED))
}

/// An address where the device's token would cross a network in clear.
struct InClear {
    key: &'static str,
    text: String,
    secure: &'static str,
}

impl InClear {
    fn refused(&self) -> ConfigError {
        ConfigError::Unencrypted { key: self.key, value: self.text.chars().take(100).collect(), secure: self.secure }
    }
}

fn in_clear(bridge: &Bridge, cloud: Option<&reqwest::Url>) -> Vec<InClear> {
    let bridge = bridge.is_in_clear().then(|| InClear { key: "bridge", text: bridge.to_string(), secure: "mqtts:// or wss://" });
    let is_exposed =
        |url: &&reqwest::Url| url.scheme() == "http" && !bridge::is_loopback(url.host_str().unwrap_or_default().trim_matches(['[', ']']));
    let cloud = cloud.filter(is_exposed).map(|url| InClear { key: "cloud", text: url.to_string(), secure: "https://" });
    bridge.into_iter().chain(cloud).collect()
}

fn read_cloud(text: &str) -> Option<reqwest::Url> {
    let url = reqwest::Url::parse(text).ok()?;
    let is_bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (is_bare && url.has_host() && ["http", "https"].contains(&url.scheme())).then_some(url)
}

fn parse_accept(mut section: Section, data_dir: &Path) -> Result<Accept, ConfigError> {
    let accept = Accept {
        mqtt: section.loopback("mqtt")?,
        http: section.loopback("http")?,
        unix: section.path("unix")?.unwrap_or_else(|| data_dir.join("shim.sock")),
        max_connections: section.number("max_connections", 64, 1..=10_000)?,
        max_in_flight: section.number("max_in_flight", PUBLISH_WINDOW, 1..=1_000)?,
    };
    section.finish()?;
    Ok(accept)
}

fn parse_spool(mut section: Section, data_dir: &Path) -> Result<SpoolConfig, ConfigError> {
    let generation_bytes = section.number("generation_bytes", 64 << 20, 4 << 20..=1 << 30)?;
    let spool = SpoolConfig {
        kind: section.choice("kind", &[("sled", SpoolKind::Sled), ("memory", SpoolKind::Memory)])?,
        dir: section.path("dir")?.unwrap_or_else(|| data_dir.join("spool")),
        max_bytes: section.number("max_bytes", 2 << 30, 2 * generation_bytes..=1 << 40)?,
        generation_bytes,
        policy: section.choice("policy", &[("drop-oldest", FullPolicy::DropOldest), ("reject", FullPolicy::Reject)])?,
    };
    section.finish()?;
    Ok(spool)
}

fn parse_link(mut section: Section) -> Result<LinkConfig, ConfigError> {
    let link = LinkConfig {
        window: section.number("window", PUBLISH_WINDOW, 1..=1_000)?,
        window_bytes: section.number("window_bytes", 1 << 20, 1 << 10..=64 << 20)?,
        keepalive: section.secs("keepalive_secs", 60, 2..=1_200)?,
        connect_timeout: section.secs("connect_timeout_secs", 30, 1..=300)?,
        ack_timeout: section.secs("ack_timeout_secs", 30, 1..=600)?,
        token_life: section.secs("token_life_secs", 3_600, 4..=86_400)?,
        drain_timeout: section.secs("drain_timeout_secs", 5, 0..=60)?,
        refusals: section.number("refusals", 3, 1..=100)?,
    };
    section.finish()?;
    Ok(link)
}

fn parse_backoff(mut section: Section) -> Result<BackoffConfig, ConfigError> {
    let min = section.millis("min_ms", 1_000, 10..=60_000)?;
    let least_max = u64::try_from(min.as_millis()).unwrap_or(u64::MAX);
    let backoff = BackoffConfig {
        min,
        max: section.millis("max_ms", 300_000.max(least_max), least_max..=3_600_000)?,
        jitter: section.ratio("jitter", 0.5)?,
        stable: section.millis("stable_ms", 300_000, 0..=3_600_000)?,
    };
    section.finish()?;
    Ok(backoff)
}
