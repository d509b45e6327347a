//! Subjects. A device is one token: what NATS gives a meaning (`.`, `*`, `>`, blanks) or is none of letters, digits, `-` and
//! `_` becomes `=` and two hexadecimal digits, so no two devices share a token.

use std::fmt::Write as _;

use domain::DeviceKey;

/// Asks for a command to be delivered.
pub(crate) const COMMAND: &str = "command";
/// Says that records changed.
pub(crate) const CONFIG: &str = "config";
/// Says that a session began.
pub(crate) const TAKEN: &str = "taken";
/// Asks whether anybody is subscribed: the server says so where nobody is, and who is keeps silent.
pub(crate) const PROBE: &str = "probe";

/// The device as one token. At most 2,303 bytes: names have limits, and the server takes lines of 4,096.
pub(crate) fn token(key: &DeviceKey) -> String {
    let registry = &key.registry;
    let parts = [registry.project.as_str(), registry.location.as_str(), registry.registry.as_str(), key.id.as_str()];
    let mut token = String::with_capacity(parts.iter().map(|p| p.len() + 3).sum());
    for byte in parts.join("/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => token.push(char::from(byte)),
            // Writing to a string cannot fail.
            other => _ = write!(token, "={other:02X}"),
        }
    }
    token
}

/// `{kind}.{device}`; with the kind `*` all that concerns the device.
pub(crate) fn of(kind: &str, token: &str) -> String {
    format!("{kind}.{token}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn token_of(registry: &str, id: &str) -> String {
        token(&DeviceKey { registry: registry.parse().unwrap(), id: id.parse().unwrap() })
    }

    #[test]
    fn a_token_is_one_safe_token() {
        let token = token_of("projects/ex.com:p/locations/l/registries/reg", "a.b%c~d+e=".trim_end_matches('='));
        assert_eq!(token, "ex=2Ecom=3Ap=2Fl=2Freg=2Fa=2Eb=25c=7Ed=2Be");
    }

    #[test]
    fn no_two_devices_share_a_token() {
        let registry = |p: &str, r: &str| format!("projects/{p}/locations/l/registries/{r}");
        let pairs = [
            (registry("p", "reg"), "dev.1"),
            (registry("p", "reg"), "dev_1"),
            (registry("p", "reg"), "dev-1"),
            (registry("p", "reg"), "dev%2E1"),
            (registry("p", "reg"), "Dev.1"),
            (registry("p", "reg.dev"), "dev.1"),
            (registry("p.l", "reg"), "dev.1"),
        ];
        let tokens: HashSet<_> = pairs.iter().map(|(r, d)| token_of(r, d)).collect();
        assert_eq!(tokens.len(), pairs.len(), "{tokens:?}");
    }

    #[test]
    fn the_longest_name_fits_a_line_of_the_server() {
        let registry = format!("projects/{0}/locations/{0}/registries/a{1}", ".".repeat(128), "%".repeat(254));
        assert_eq!(token_of(&registry, &format!("a{}", "%".repeat(254))).len(), 2303);
    }
}
