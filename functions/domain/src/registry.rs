//! A registry: its devices share routes, switches and CA certificates.

use protocol::limits::{MAX_REGISTRY_CREDENTIALS, MAX_ROUTES};
use protocol::{RegistryName, TopicName};
use serde::{Deserialize, Serialize};

use crate::DomainError;
use crate::objects::{MAX_OBJECT_RULES, ObjectRule};
use crate::token::{self, ServiceAccount};

/// How much of a device's life is logged. Numbers are the API's (`LogLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LogLevel {
    /// Not set: the registry's level, or none.
    #[default]
    Unspecified,
    /// Nothing.
    None,
    /// Errors.
    Error,
    /// Errors, connections, acknowledgements.
    Info,
    /// All of it.
    Debug,
}

/// Where events of matching subfolders go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The Pub/Sub topic.
    pub topic: TopicName,
    /// The subfolder to match exactly; empty matches all.
    pub subfolder_matches: String,
    /// Ours: takes every matching event, whatever other routes match. Without it, the first match alone takes the event.
    pub fan_out: bool,
}

impl Route {
    fn matches(&self, subfolder: &str) -> bool {
        self.subfolder_matches.is_empty() || self.subfolder_matches == subfolder
    }
}

/// A registry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// Its name, which is also its key.
    pub name: RegistryName,
    /// Where events go, in order.
    pub routes: Vec<Route>,
    /// Where state messages go, beside the record.
    pub state_topic: Option<TopicName>,
    /// Whether its devices may connect over MQTT.
    pub mqtt_enabled: bool,
    /// Whether its devices may use the HTTP bridge.
    pub http_enabled: bool,
    /// Log level of devices that set none.
    pub log_level: LogLevel,
    /// PEM certificates; when there is one, new device credentials must be signed by one of them.
    pub ca_certificates: Vec<String>,
    /// Ours: which files its devices may touch. Records from before there were any have none.
    #[serde(default)]
    pub object_rules: Vec<ObjectRule>,
    /// Ours: which service accounts its devices may act as.
    #[serde(default)]
    pub service_accounts: Vec<ServiceAccount>,
}

impl Registry {
    /// The topics an event goes to: the first matching route, and every matching route marked `fan_out`.
    /// Empty when nothing matches.
    pub fn targets<'a>(&'a self, subfolder: &'a str) -> impl Iterator<Item = &'a TopicName> {
        let mut first_taken = false;
        self.routes.iter().filter(move |r| r.matches(subfolder)).filter_map(move |r| {
            let takes = r.fan_out || !std::mem::replace(&mut first_taken, true);
            takes.then_some(&r.topic)
        })
    }

    /// Checks the rules that span the whole registry.
    pub fn validate(&self) -> Result<(), DomainError> {
        if self.routes.len() > MAX_ROUTES {
            let text = format!("{} event notification configs exceed the limit of {MAX_ROUTES}", self.routes.len());
            return Err(DomainError::invalid("event_notification_configs", text));
        }
        for route in &self.routes {
            protocol::topics::check_subfolder(&route.subfolder_matches)
                .map_err(|e| DomainError::invalid("event_notification_configs.subfolder_matches", e.to_string()))?;
        }
        if self.ca_certificates.len() > MAX_REGISTRY_CREDENTIALS {
            let text = format!("{} CA certificates exceed the limit of {MAX_REGISTRY_CREDENTIALS}", self.ca_certificates.len());
            return Err(DomainError::invalid("credentials", text));
        }
        if self.object_rules.len() > MAX_OBJECT_RULES {
            let text = format!("{} object rules exceed the limit of {MAX_OBJECT_RULES}", self.object_rules.len());
            return Err(DomainError::invalid("object_rules", text));
        }
        self.object_rules.iter().try_for_each(ObjectRule::validate)?;
        token::check_accounts(&self.service_accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(routes: &[(&str, &str, bool)]) -> Registry {
        Registry {
            name: "projects/p/locations/l/registries/reg".parse().unwrap(),
            routes: routes
                .iter()
                .map(|(topic, subfolder, fan_out)| Route {
                    topic: format!("projects/p/topics/{topic}").parse().unwrap(),
                    subfolder_matches: (*subfolder).into(),
                    fan_out: *fan_out,
                })
                .collect(),
            state_topic: None,
            mqtt_enabled: true,
            http_enabled: true,
            log_level: LogLevel::None,
            ca_certificates: vec![],
            object_rules: vec![],
            service_accounts: Vec::new(),
        }
    }

    #[test]
    fn the_first_match_wins_and_marked_routes_join_it() {
        let r = registry(&[("alarms", "alarm", false), ("audit", "", true), ("rest", "", false), ("never", "", false)]);
        let to = |s| r.targets(s).map(TopicName::topic).collect::<Vec<_>>();
        assert_eq!(to("alarm"), ["alarms", "audit"]);
        assert_eq!(to(""), ["audit", "rest"]);
        assert_eq!(to("alarm/door"), ["audit", "rest"], "subfolders match exactly");
    }

    #[test]
    fn nothing_matches_means_nowhere_to_go() {
        assert_eq!(registry(&[("alarms", "alarm", false)]).targets("x1").count(), 0);
    }

    #[test]
    fn eleven_routes_are_one_too_many() {
        let routes = vec![("topic", "", false); 11];
        assert!(registry(&routes).validate().unwrap_err().to_string().starts_with("11 event notification configs"));
    }

    #[test]
    fn a_record_from_before_there_were_object_rules_and_service_accounts_still_reads() {
        let mut record = serde_json::to_value(registry(&[])).unwrap();
        for field in ["object_rules", "service_accounts"] {
            record.as_object_mut().unwrap().remove(field).unwrap();
        }
        assert_eq!(serde_json::from_value::<Registry>(record).unwrap(), registry(&[]));
    }
}
