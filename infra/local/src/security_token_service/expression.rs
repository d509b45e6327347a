//! The part of the Common Expression Language that attribute mappings and conditions of devices need.
//!
//! A mapping is `assertion.NAME`, or `'text'`. A condition is comparisons `OPERAND == OPERAND` or `!=`, joined by `&&`;
//! an operand is `assertion.NAME`, `attribute.NAME`, `google.subject` or `'text'`. Anything else is refused when the
//! provider is made, so that a condition that was not understood never lets anybody in.

use std::collections::BTreeMap;

use serde_json::Value;

/// An expression that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not understood: the stand-in knows `assertion.NAME`, `attribute.NAME`, `google.subject`, 'text', ==, != and &&")]
pub struct ExpressionError(String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Assertion(String),
    /// `google.subject` or `attribute.NAME`: a mapped value.
    Mapped(String),
    Text(String),
}

/// Comparisons that must all hold: left, whether equal, right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Condition(Vec<(Operand, bool, Operand)>);

pub(super) type Mapped = BTreeMap<String, String>;

impl Operand {
    pub(super) fn read(text: &str) -> Result<Self, ExpressionError> {
        let refused = || ExpressionError(text.to_owned());
        let text = text.trim();
        let is_name = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if let Some(name) = text.strip_prefix("assertion.").filter(|n| is_name(n)) {
            return Ok(Self::Assertion(name.to_owned()));
        }
        if text == "google.subject" || text.strip_prefix("attribute.").is_some_and(is_name) {
            return Ok(Self::Mapped(text.to_owned()));
        }
        let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c)).ok_or_else(refused)?;
        let inner = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)).ok_or_else(refused)?;
        if inner.contains(['\\', '\'', '"', '&', '=']) { Err(refused()) } else { Ok(Self::Text(inner.to_owned())) }
    }

    /// Its value as text; `None` when the token has no such claim, or one that is neither text nor number.
    pub(super) fn value(&self, claims: &Value, mapped: &Mapped) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Mapped(name) => mapped.get(name).cloned(),
            Self::Assertion(name) => match claims.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        }
    }
}

impl Condition {
    pub(super) fn read(text: &str) -> Result<Self, ExpressionError> {
        let compare = |part: &str| {
            let refused = || ExpressionError(part.trim().to_owned());
            let (at, is_equal) =
                part.find("==").map(|at| (at, true)).or_else(|| part.find("!=").map(|at| (at, false))).ok_or_else(refused)?;
            Ok((Operand::read(&part[..at])?, is_equal, Operand::read(&part[at + 2..])?))
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split("&&").map(compare).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all comparisons hold. One about something that is not there does not.
    pub(super) fn holds(&self, claims: &Value, mapped: &Mapped) -> bool {
        self.0.iter().all(|(left, is_equal, right)| match (left.value(claims, mapped), right.value(claims, mapped)) {
            (Some(left), Some(right)) => (left == right) == *is_equal,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comparisons_hold_or_do_not_and_what_is_missing_never_does() {
        let claims = json!({"registry": "reg", "n": 7});
        let mapped = Mapped::from([("attribute.registry".into(), "reg".into())]);
        let holds = |text: &str| Condition::read(text).unwrap().holds(&claims, &mapped);
        assert!(holds("") && holds("attribute.registry == 'reg'") && holds("assertion.n=='7' && attribute.registry != \"other\""));
        for no in ["attribute.registry == 'other'", "assertion.missing != 'x'", "assertion.n == '7' && 'a' == 'b'", "google.subject == ''"]
        {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in
            ["true", "a == b", "assertion.x.y == 'a'", "attribute.r in ['a']", "'a' || 'b'", "assertion.x == 'a' && ", "'a\\'b' == 'c'"]
        {
            assert!(Condition::read(bad).is_err(), "{bad}");
        }
    }
}
