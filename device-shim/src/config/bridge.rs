//! Where the cloud's bridge is, and how MQTT travels there.

use std::fmt;
use std::net::IpAddr;

use axum::http::uri::PathAndQuery;

/// What may stand there.
pub(super) const ALLOWED: &str =
    "mqtts://host[:port] or wss://host[:port][/path]; on this machine also mqtt://host[:port] or ws://host[:port][/path]";
/// Where our bridge answers over HTTP.
const DEFAULT_PATH: &str = "/mqtt";

/// `mqtts://host:port`, `wss://host:port/path`, or the same without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address.
    pub host: String,
    /// Unless given: for MQTT 8883 with TLS and 1883 without, for WebSocket 443 and 80.
    pub port: u16,
    /// The path of MQTT over WebSocket; `None`: MQTT without it.
    pub path: Option<String>,
}

impl fmt::Display for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (&self.path, self.tls) {
            (None, true) => "mqtts",
            (None, false) => "mqtt",
            (Some(_), true) => "wss",
            (Some(_), false) => "ws",
        };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path.as_deref().unwrap_or_default())
    }
}

impl Bridge {
    /// The host as a URL has it, with the port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default_port(self.tls, true) { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether what is sent there, the device's token first, crosses a network in clear.
    pub(super) fn is_in_clear(&self) -> bool {
        !self.tls && !is_loopback(&self.host)
    }

    /// Reads one; `None` when it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (tls, is_web) = match scheme {
            "mqtts" => (true, false),
            "mqtt" => (false, false),
            "wss" => (true, true),
            "ws" => (false, true),
            _ => return None,
        };
        let (place, path) = match rest.find('/').filter(|_| is_web) {
            Some(at) => rest.split_at(at),
            None => (rest, DEFAULT_PATH),
        };
        // The last colon outside brackets begins the port: `[::1]:1883`.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (place, default_port(tls, is_web)),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || port == 0 || host.contains(['/', ' ', '@']) {
            return None;
        }
        let path = if is_web { Some(path.parse::<PathAndQuery>().ok()?.to_string()) } else { None };
        Some(Self { tls, host: host.into(), port, path })
    }
}

/// Whether a host, without brackets, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn default_port(tls: bool, is_web: bool) -> u16 {
    match (is_web, tls) {
        (false, true) => 8883,
        (false, false) => 1883,
        (true, true) => 443,
        (true, false) => 80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_has_a_scheme_a_host_a_port_and_over_websocket_a_path() {
        for (text, tls, host, port, path, shown) in [
            ("mqtts://b.example", true, "b.example", 8883, None, "mqtts://b.example:8883"),
            ("mqtts://b.example:443", true, "b.example", 443, None, "mqtts://b.example:443"),
            ("mqtt://127.0.0.1", false, "127.0.0.1", 1883, None, "mqtt://127.0.0.1:1883"),
            ("mqtt://[::1]:1884", false, "::1", 1884, None, "mqtt://::1:1884"),
            ("wss://b.example", true, "b.example", 443, Some("/mqtt"), "wss://b.example:443/mqtt"),
            ("wss://b.example/mqtt", true, "b.example", 443, Some("/mqtt"), "wss://b.example:443/mqtt"),
            ("wss://b.example:8443/a/b?c=d", true, "b.example", 8443, Some("/a/b?c=d"), "wss://b.example:8443/a/b?c=d"),
            ("ws://127.0.0.1:8080/mqtt", false, "127.0.0.1", 8080, Some("/mqtt"), "ws://127.0.0.1:8080/mqtt"),
            ("ws://localhost", false, "localhost", 80, Some("/mqtt"), "ws://localhost:80/mqtt"),
        ] {
            let bridge = Bridge::read(text).unwrap();
            assert_eq!(bridge, Bridge { tls, host: host.into(), port, path: path.map(Into::into) }, "{text}");
            assert_eq!(bridge.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_bridge_is_refused() {
        for text in [
            "b.example",
            "http://b.example",
            "https://b.example/mqtt",
            "mqtts://",
            "mqtts://b.example/mqtt",
            "mqtts://b.example:0",
            "mqtts://me@b.example",
            "wss:///mqtt",
            "wss://b.example:x/mqtt",
            "wss://b.example/a b",
        ] {
            assert_eq!(Bridge::read(text), None, "{text}");
        }
    }

    #[test]
    fn without_tls_it_is_in_clear_anywhere_but_on_this_machine() {
        for text in ["mqtt://b.example", "mqtt://192.0.2.7:1884", "mqtt://[2001:db8::1]", "ws://b.example/mqtt", "mqtt://localhost.example"]
        {
            assert!(Bridge::read(text).unwrap().is_in_clear(), "{text}");
        }
        for text in [
            "mqtt://127.0.0.1:1884",
            "mqtt://127.1.2.3",
            "mqtt://[::1]",
            "mqtt://localhost",
            "ws://localhost",
            "mqtts://b.example",
            "wss://192.0.2.7",
        ] {
            assert!(!Bridge::read(text).unwrap().is_in_clear(), "{text}");
        }
    }

    #[test]
    fn the_authority_leaves_out_the_port_of_the_scheme() {
        for (text, authority) in
            [("wss://b.example", "b.example"), ("wss://b.example:8443", "b.example:8443"), ("ws://[::1]:8080/x", "[::1]:8080")]
        {
            assert_eq!(Bridge::read(text).unwrap().authority(), authority);
        }
    }
}
