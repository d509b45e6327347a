//! Registries. Each field has its own function, because an update takes only the fields of its mask.

use domain::objects::ObjectRule;
use domain::{DomainError, Registry, Route};
use protocol::TopicName;

use super::{bad_name, credential, enums};
use crate::pb;

pub(crate) fn routes(sent: &[pb::EventNotificationConfig]) -> Result<Vec<Route>, DomainError> {
    let read = |(place, sent): (usize, &pb::EventNotificationConfig)| {
        let field = format!("event_notification_configs[{place}].pubsub_topic_name");
        let topic = sent.pubsub_topic_name.parse().map_err(bad_name(&field))?;
        Ok(Route { topic, subfolder_matches: sent.subfolder_matches.clone(), fan_out: sent.fan_out })
    };
    sent.iter().enumerate().map(read).collect()
}

/// Nowhere when the config or its topic is not set.
pub(crate) fn state_topic(sent: Option<&pb::StateNotificationConfig>) -> Result<Option<TopicName>, DomainError> {
    let topic = sent.map(|s| s.pubsub_topic_name.as_str()).filter(|t| !t.is_empty());
    topic.map(|t| t.parse().map_err(bad_name("state_notification_config.pubsub_topic_name"))).transpose()
}

/// Enabled unless said otherwise.
pub(crate) fn mqtt_enabled(sent: Option<&pb::MqttConfig>) -> bool {
    sent.is_none_or(|c| c.mqtt_enabled_state() != pb::MqttState::MqttDisabled)
}

/// Enabled unless said otherwise.
pub(crate) fn http_enabled(sent: Option<&pb::HttpConfig>) -> bool {
    sent.is_none_or(|c| c.http_enabled_state() != pb::HttpState::HttpDisabled)
}

pub(crate) fn object_rules(sent: &[pb::ObjectRule]) -> Result<Vec<ObjectRule>, DomainError> {
    sent.iter().map(|rule| Ok(ObjectRule { path: rule.path.clone(), access: enums::access(rule.access)? })).collect()
}

/// A registry as it is answered.
pub(crate) fn to_pb(registry: &Registry) -> pb::DeviceRegistry {
    let mqtt = if registry.mqtt_enabled { pb::MqttState::MqttEnabled } else { pb::MqttState::MqttDisabled };
    let http = if registry.http_enabled { pb::HttpState::HttpEnabled } else { pb::HttpState::HttpDisabled };
    let route = |r: &Route| pb::EventNotificationConfig {
        pubsub_topic_name: r.topic.to_string(),
        subfolder_matches: r.subfolder_matches.clone(),
        fan_out: r.fan_out,
    };
    let rule = |r: &ObjectRule| pb::ObjectRule { path: r.path.clone(), access: enums::access_number(r.access) };
    let state_topic = registry.state_topic.as_ref().map(ToString::to_string).unwrap_or_default();
    pb::DeviceRegistry {
        id: registry.name.registry.to_string(),
        name: registry.name.to_string(),
        event_notification_configs: registry.routes.iter().map(route).collect(),
        state_notification_config: Some(pb::StateNotificationConfig { pubsub_topic_name: state_topic }),
        mqtt_config: Some(pb::MqttConfig { mqtt_enabled_state: mqtt.into() }),
        http_config: Some(pb::HttpConfig { http_enabled_state: http.into() }),
        log_level: enums::log_level_number(registry.log_level),
        credentials: registry.ca_certificates.iter().map(|pem| credential::to_ca(pem)).collect(),
        object_rules: registry.object_rules.iter().map(rule).collect(),
        service_accounts: registry.service_accounts.iter().map(ToString::to_string).collect(),
    }
}
