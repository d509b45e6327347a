//! Our name as OpenID Connect issuer.

use std::fmt;
use std::str::FromStr;

/// An issuer URL (OpenID Connect Core, section 2): scheme, host, perhaps port and path; no query, no fragment, no slash
/// at the end. Google takes only `https`; `http` is for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl(String);

/// Why a text is no issuer URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no issuer URL: expected `https://HOST[:PORT][/PATH]` without query, fragment or a slash at the end")]
pub struct IssuerError {
    given: String,
}

impl IssuerUrl {
    /// The URL; what stands in `iss`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether it is one that Google would take.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerError;
    fn from_str(s: &str) -> Result<Self, IssuerError> {
        let refused = || IssuerError { given: s.chars().take(128).flat_map(char::escape_debug).collect() };
        let rest = s.strip_prefix("https://").or_else(|| s.strip_prefix("http://")).ok_or_else(refused)?;
        let host = rest.split('/').next().unwrap_or_default();
        let legal = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&b));
        if host.is_empty() || !legal || s.ends_with('/') || s.len() > 512 { Err(refused()) } else { Ok(Self(s.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_compared_byte_for_byte_so_it_has_one_spelling() {
        for good in ["https://tokens.example.com", "http://127.0.0.1:8080", "https://x.org/a", "http://[::1]:80"] {
            assert_eq!(good.parse::<IssuerUrl>().unwrap().as_str(), good);
        }
        for bad in ["", "x.org", "ftp://x", "https://", "https://x/", "https://x?a", "https://x#a", "https://u@x", "https://x\n"] {
            assert!(bad.parse::<IssuerUrl>().is_err(), "{bad}");
        }
    }
}
