//! The MQTT topics of the bridge. Anything else is refused: devices talk to the cloud, not to each other.
//!
//! Source: Cloud IoT Core "Publishing over the MQTT bridge"; `docs/compatibility.md`, "MQTT bridge".

use std::fmt;

use crate::limits::MAX_SUBFOLDER_BYTES;

/// The part of an events topic after `events/`; empty for the events topic itself.
pub type Subfolder<'a> = &'a str;

/// A topic that a device may publish to, with the device id that stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishTopic<'a> {
    /// `/devices/{device}/events[/subfolder…]`
    Events {
        /// The device id in the topic.
        device: &'a str,
        /// The subfolder, empty when none.
        subfolder: Subfolder<'a>,
    },
    /// `/devices/{device}/state`
    State {
        /// The device id in the topic.
        device: &'a str,
    },
    /// `/devices/{device}/attach`: a gateway asks to speak for a device.
    Attach {
        /// The device to attach.
        device: &'a str,
    },
    /// `/devices/{device}/detach`
    Detach {
        /// The device to detach.
        device: &'a str,
    },
}

/// A topic filter that a device may subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeTopic<'a> {
    /// `/devices/{device}/config`
    Config {
        /// The device id in the topic.
        device: &'a str,
    },
    /// `/devices/{device}/commands/#`
    Commands {
        /// The device id in the topic.
        device: &'a str,
    },
    /// `/devices/{device}/errors`
    Errors {
        /// The device id in the topic.
        device: &'a str,
    },
}

/// Why a topic was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Not one of the topics a device may publish to.
    #[error("topic `{0}` cannot be published to: use /devices/{{device}}/events[/subfolder], /state, /attach or /detach")]
    Publish(String),
    /// Not one of the filters a device may subscribe to.
    #[error("filter `{0}` cannot be subscribed to: use /devices/{{device}}/config, /commands/# or /errors")]
    Subscribe(String),
    /// A subfolder is too long or has a level that is not `[a-zA-Z][-a-zA-Z0-9._+~%]+`.
    #[error(
        "subfolder `{0}` is not valid: each level must start with a letter and have at least 2 characters out of letters, digits and -._+~%, {MAX_SUBFOLDER_BYTES} bytes in all"
    )]
    Subfolder(String),
}

fn shown(topic: &str) -> String {
    topic.chars().take(128).flat_map(char::escape_debug).collect()
}

/// Checks the subfolder of an event: empty, or levels of `[a-zA-Z][-a-zA-Z0-9._+~%]+`, 256 bytes in all.
pub fn check_subfolder(subfolder: &str) -> Result<(), TopicError> {
    let level = |l: &str| {
        l.len() >= 2 && l.as_bytes()[0].is_ascii_alphabetic() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+~%".contains(&b))
    };
    if subfolder.is_empty() || (subfolder.len() <= MAX_SUBFOLDER_BYTES && subfolder.split('/').all(level)) {
        return Ok(());
    }
    Err(TopicError::Subfolder(shown(subfolder)))
}

impl<'a> PublishTopic<'a> {
    /// Reads a topic name as it stands in a PUBLISH packet.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        let refused = || TopicError::Publish(shown(topic));
        let (device, rest) = topic.strip_prefix("/devices/").and_then(|t| t.split_once('/')).ok_or_else(refused)?;
        match rest {
            "state" => Ok(Self::State { device }),
            "attach" => Ok(Self::Attach { device }),
            "detach" => Ok(Self::Detach { device }),
            "events" => Ok(Self::Events { device, subfolder: "" }),
            _ => {
                let subfolder = rest.strip_prefix("events/").ok_or_else(refused)?;
                check_subfolder(subfolder)?;
                Ok(Self::Events { device, subfolder })
            }
        }
    }

    /// The device id that stands in the topic.
    pub fn device(&self) -> &'a str {
        match self {
            Self::Events { device, .. } | Self::State { device } | Self::Attach { device } | Self::Detach { device } => device,
        }
    }
}

impl fmt::Display for PublishTopic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events { device, subfolder: "" } => write!(f, "/devices/{device}/events"),
            Self::Events { device, subfolder } => write!(f, "/devices/{device}/events/{subfolder}"),
            Self::State { device } => write!(f, "/devices/{device}/state"),
            Self::Attach { device } => write!(f, "/devices/{device}/attach"),
            Self::Detach { device } => write!(f, "/devices/{device}/detach"),
        }
    }
}

impl<'a> SubscribeTopic<'a> {
    /// Reads a topic filter as it stands in a SUBSCRIBE packet.
    pub fn parse(filter: &'a str) -> Result<Self, TopicError> {
        let refused = || TopicError::Subscribe(shown(filter));
        let (device, rest) = filter.strip_prefix("/devices/").and_then(|t| t.split_once('/')).ok_or_else(refused)?;
        match rest {
            "config" => Ok(Self::Config { device }),
            "commands/#" => Ok(Self::Commands { device }),
            "errors" => Ok(Self::Errors { device }),
            _ => Err(refused()),
        }
    }

    /// The device id that stands in the filter.
    pub fn device(&self) -> &'a str {
        match self {
            Self::Config { device } | Self::Commands { device } | Self::Errors { device } => device,
        }
    }
}

impl fmt::Display for SubscribeTopic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { device } => write!(f, "/devices/{device}/config"),
            Self::Commands { device } => write!(f, "/devices/{device}/commands/#"),
            Self::Errors { device } => write!(f, "/devices/{device}/errors"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_reads_and_prints_the_same() {
        for topic in ["/devices/d/events", "/devices/d/events/a1/b2", "/devices/d/state", "/devices/d/attach", "/devices/d/detach"] {
            assert_eq!(PublishTopic::parse(topic).unwrap().to_string(), topic);
        }
        for filter in ["/devices/d/config", "/devices/d/commands/#", "/devices/d/errors"] {
            assert_eq!(SubscribeTopic::parse(filter).unwrap().to_string(), filter);
        }
    }

    #[test]
    fn a_slash_with_nothing_behind_it_is_no_subfolder() {
        assert_eq!(PublishTopic::parse("/devices/d/events/"), Ok(PublishTopic::Events { device: "d", subfolder: "" }));
    }

    #[test]
    fn what_the_bridge_never_took_is_refused_by_name() {
        for topic in ["", "devices/d/events", "/devices/d", "/devices/d/eventsx", "/devices/d/config", "/other/d/events"] {
            assert!(PublishTopic::parse(topic).unwrap_err().to_string().contains(&format!("`{topic}`")), "{topic}");
        }
        for topic in ["/devices/d/events/a/", "/devices/d/events/a", "/devices/d/events/ab//cd", "/devices/d/events/a\0"] {
            assert!(matches!(PublishTopic::parse(topic), Err(TopicError::Subfolder(_))), "{topic}");
        }
        for filter in ["#", "/devices/+/config", "/devices/d/commands", "/devices/d/commands/x", "/devices/d/events"] {
            let taken = SubscribeTopic::parse(filter);
            assert!(taken.is_err() || taken.unwrap().device() == "+", "{filter}");
        }
    }
}
