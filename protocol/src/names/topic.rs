//! Pub/Sub topics by their full names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NameError, is_resource_id, is_segment, shown};

/// `projects/{project}/topics/{topic}`: a Pub/Sub topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicName(String);

impl TopicName {
    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The last segment.
    pub fn topic(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for TopicName {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        match s.split('/').collect::<Vec<_>>()[..] {
            ["projects", p, "topics", t] if is_segment(p) && is_resource_id(t) => Ok(Self(s.to_owned())),
            _ => Err(NameError::Shape { what: "topic name", value: shown(s), shape: "projects/{project}/topics/{topic}" }),
        }
    }
}
impl TryFrom<String> for TopicName {
    type Error = NameError;
    fn try_from(s: String) -> Result<Self, NameError> {
        s.parse()
    }
}
impl From<TopicName> for String {
    fn from(t: TopicName) -> String {
        t.0
    }
}
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
