//! Flags of the form `key=value,key=value`.

use std::collections::BTreeMap;
use std::str::FromStr;

/// The pairs, each key once. `^;^a=1;b=2` separates by `;` instead, as gcloud has it: for values that hold commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs(pub(crate) BTreeMap<String, String>);

impl FromStr for Pairs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let custom = text.strip_prefix('^').and_then(|rest| rest.split_once('^')).filter(|(separator, _)| !separator.is_empty());
        let (separator, text) = custom.unwrap_or((",", text));
        let mut pairs = BTreeMap::new();
        for pair in text.split(separator).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not KEY=VALUE"))?;
            if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(format!("`{key}` is given twice"));
            }
        }
        Ok(Self(pairs))
    }
}

impl Pairs {
    /// The pairs with these keys alone, underscores and dashes being the same in them.
    pub(crate) fn of(text: &str, known: &[&str]) -> Result<Self, String> {
        let given: Self = text.parse()?;
        let pairs: BTreeMap<_, _> = given.0.into_iter().map(|(key, value)| (key.replace('_', "-"), value)).collect();
        match pairs.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(format!("`{key}` is not known here; known are {}", known.join(", "))),
            None => Ok(Self(pairs)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_can_be_chosen() {
        let pairs: Pairs = "^;^a=1,2;b=".parse().unwrap();
        assert_eq!((pairs.get("a"), pairs.get("b")), (Some("1,2"), Some("")));
        for (wrong, says) in [("a", "KEY=VALUE"), ("a=1,a=2", "twice")] {
            assert!(wrong.parse::<Pairs>().unwrap_err().contains(says));
        }
        assert!(Pairs::of("topik=x", &["topic"]).unwrap_err().contains("`topik` is not known here; known are topic"));
    }
}
