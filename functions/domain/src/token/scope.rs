//! What a token is asked for.

use std::fmt;
use std::str::FromStr;

/// Longest scope of one request, in bytes, all its parts together.
pub const MAX_SCOPE_BYTES: usize = 2_048;
/// Most parts of one scope.
pub const MAX_SCOPE_PARTS: usize = 20;

/// What a token is for: one or more scope tokens (RFC 6749, section 3.3), each once, in order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// The parts, separated by one space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The parts.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a scope was refused; the text names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(s: &str) -> Result<Self, ScopeError> {
        if s.len() > MAX_SCOPE_BYTES {
            return Err(ScopeError(format!("a scope of {} bytes exceeds the limit of {MAX_SCOPE_BYTES}", s.len())));
        }
        let mut parts: Vec<_> = s.split_ascii_whitespace().collect();
        parts.sort_unstable();
        parts.dedup();
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if let Some(bad) = parts.iter().find(|p| !p.bytes().all(legal)) {
            let shown: String = bad.chars().take(64).flat_map(char::escape_debug).collect();
            return Err(ScopeError(format!("scope `{shown}` has characters that no scope has (RFC 6749, section 3.3)")));
        }
        match parts.len() {
            0 => Err(ScopeError("no scope was given: name one, such as `https://www.googleapis.com/auth/pubsub`".into())),
            1..=MAX_SCOPE_PARTS => Ok(Self(parts.join(" "))),
            n => Err(ScopeError(format!("{n} scopes exceed the limit of {MAX_SCOPE_PARTS}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_the_same_in_any_order() {
        let scope: Scope = " b  a\tb ".parse().unwrap();
        assert_eq!(scope.as_str(), "a b");
        assert_eq!(scope.parts().count(), 2);
    }

    #[test]
    fn scopes_have_limits() {
        let refused = |s: &str| s.parse::<Scope>().unwrap_err().to_string();
        assert!(refused(" ").contains("no scope"));
        assert!(refused("a\"b").contains("`a\\\"b`"));
        assert!(refused(&"x".repeat(2049)).contains("2049 bytes"));
        let many: Vec<_> = (0..21).map(|i| format!("s{i}")).collect();
        assert!(refused(&many.join(" ")).contains("21 scopes"));
    }
}
