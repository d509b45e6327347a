//! Field masks: comma-separated paths in camelCase or snake_case, as clients send them.
//!
//! A path covers everything below it: `config` covers `config.version`.

use std::collections::BTreeSet;

use domain::DomainError;

/// A set of paths in snake case, or everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask(Option<BTreeSet<String>>);

impl Mask {
    /// The mask of a read, from `parameter`. Absent, empty and `*` ask for everything. Every path must be one of `known`.
    pub(crate) fn of_read(parameter: &str, text: Option<&str>, known: &[&str]) -> Result<Self, DomainError> {
        let paths = paths(text.unwrap_or_default());
        if paths.is_empty() || paths.contains("*") {
            return Ok(Self(None));
        }
        for path in &paths {
            if !known.contains(&path.as_str()) {
                let text = format!("`{path}` in {parameter} is no field; the fields are {}", known.join(", "));
                return Err(DomainError::invalid(parameter, text));
            }
        }
        Ok(Self(Some(paths)))
    }

    /// The mask of an update. Must name something, and only what is in `mutable`; `*` is all of it.
    pub(crate) fn of_update(text: Option<&str>, mutable: &[&str]) -> Result<Self, DomainError> {
        let refused = |text: String| DomainError::invalid("update_mask", text);
        // Google's own documentation spells this one field both ways.
        let paths: BTreeSet<String> = paths(text.unwrap_or_default())
            .into_iter()
            .map(|p| if p == "event_notification_config" { "event_notification_configs".to_owned() } else { p })
            .collect();
        if paths.is_empty() {
            return Err(refused(format!("update_mask must name at least one field of {}", mutable.join(", "))));
        }
        if paths.contains("*") {
            return Ok(Self(None));
        }
        match paths.iter().find(|p| !mutable.contains(&p.as_str())) {
            Some(path) if path == "config" || path.starts_with("config.") => {
                Err(refused(format!("`{path}` cannot be updated here: use modifyCloudToDeviceConfig")))
            }
            Some(path) => {
                Err(refused(format!("`{path}` is immutable, set by the server or no field: what can be updated is {}", mutable.join(", "))))
            }
            None => Ok(Self(Some(paths))),
        }
    }

    /// Whether all of `path` is meant.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let above = |p: &String| path.strip_prefix(p.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.0.as_ref().is_none_or(|paths| paths.iter().any(above))
    }

    /// Whether `path` or something below it is meant.
    pub(crate) fn touches(&self, path: &str) -> bool {
        let below = |p: &String| p.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        self.covers(path) || self.0.as_ref().is_some_and(|paths| paths.iter().any(below))
    }

    /// All fields.
    pub(crate) fn everything() -> Self {
        Self(None)
    }

    /// Whether it asks for everything.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Empties `field` unless `path` is meant.
    pub(crate) fn keep<T: Default>(&self, path: &str, field: &mut T) {
        if !self.covers(path) {
            *field = T::default();
        }
    }
}

fn paths(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(snake).collect()
}

fn snake(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["blocked", "gateway_config", "gateway_config.gateway_type"];

    #[test]
    fn both_spellings_and_nesting() {
        let mask = Mask::of_update(Some("blocked, gatewayConfig.gatewayType"), &KNOWN).unwrap();
        assert!(mask.covers("blocked") && mask.covers("gateway_config.gateway_type"));
        assert!(!mask.covers("gateway_config") && mask.touches("gateway_config"));
        assert!(Mask::of_update(Some("gateway_config"), &KNOWN).unwrap().covers("gateway_config.gateway_type"));
        assert!(!Mask::of_update(Some("gateway_config"), &KNOWN).unwrap().covers("gateway_configs"));
    }

    #[test]
    fn an_update_must_name_what_can_be_updated() {
        for (text, says) in [("", "at least one"), ("id", "`id` is immutable"), ("config", "modifyCloudToDeviceConfig")] {
            assert!(Mask::of_update(Some(text), &KNOWN).unwrap_err().to_string().contains(says), "{text}");
        }
        assert!(Mask::of_update(None, &KNOWN).is_err());
        assert!(Mask::of_update(Some("*"), &KNOWN).unwrap().is_everything());
    }

    #[test]
    fn a_read_without_mask_asks_for_everything() {
        assert!(Mask::of_read("field_mask", None, &KNOWN).unwrap().covers("anything"));
        assert!(Mask::of_read("field_mask", Some("nope"), &KNOWN).is_err());
    }
}
