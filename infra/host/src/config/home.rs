//! Where the process lives: a server of ours, or AWS Lambda, which says so itself.

use std::fmt;
use std::str::FromStr;

use super::{Config, ConfigError, Reader, Variable, table as key};
use crate::mount::Function;
use crate::tokens::Giver;

/// Set by AWS Lambda in every function, and nowhere else.
const LAMBDA: &str = "AWS_LAMBDA_RUNTIME_API";

/// What tells a server where it listens and how it stops. On Lambda nothing listens.
const OF_SERVERS: [Variable; 9] =
    [key::HTTP, key::MQTT, key::MQTTS, key::TLS_CERT, key::TLS_KEY, key::MAX_SESSION_SECS, key::DRAIN_SECS, key::METRICS, key::READY_FILE];

/// Where the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// It listens on addresses of its machine.
    Server,
    /// AWS Lambda hands it these events, one at a time.
    Lambda(Events),
}

/// What calls a function on Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Events {
    /// A function URL or an API gateway (payload format 2.0).
    #[default]
    Http,
    /// A queue of SQS with what devices sent over AWS IoT.
    Queue,
    /// AWS IoT, which asks who a device is.
    Authorizer,
}

impl Events {
    const ALL: [Self; 3] = [Self::Http, Self::Queue, Self::Authorizer];

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Queue => "queue",
            Self::Authorizer => "authorizer",
        }
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// By its name.
impl FromStr for Events {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|e| e.name() == s).ok_or("none of them")
    }
}

impl Reader<'_> {
    /// Whoever sets one of these on Lambda waits for something that never comes.
    pub(super) fn refuse_of_servers(&self) -> Result<(), ConfigError> {
        match OF_SERVERS.into_iter().find(|variable| self.text(*variable).is_some()) {
            Some(key::METRICS) => {
                Err(ConfigError::OfServers(key::METRICS.name, "CloudWatch has the function's invocations, errors and durations"))
            }
            Some(useless) => Err(ConfigError::OfServers(useless.name, "Lambda itself hands the function its events")),
            None => Ok(()),
        }
    }

    pub(super) fn home(&self) -> Result<Home, ConfigError> {
        let events = self.optional(key::EVENTS)?;
        match (self.0.get(LAMBDA).filter(|v| !v.is_empty()), events) {
            (Some(_), events) => Ok(Home::Lambda(events.unwrap_or_default())),
            (None, None) => Ok(Home::Server),
            (None, Some(events)) => {
                Err(ConfigError::bad(key::EVENTS, events.name(), format!("{LAMBDA} is not set: this is not AWS Lambda")))
            }
        }
    }
}

impl Config {
    /// On Lambda an instance is one of many, has no disk and no address: what would need them is refused.
    pub(super) fn check_lambda(&self, events: Events) -> Result<(), ConfigError> {
        let lacks = |what| Err(ConfigError::Lambda { events, what });
        let only = |function| self.functions.iter().eq([function]);
        match events {
            Events::Queue if !only(Function::PubsubFanout) => return lacks("DRAWBRIDGE_FUNCTIONS must be pubsub-fanout alone"),
            Events::Authorizer if !only(Function::Bridge) => return lacks("DRAWBRIDGE_FUNCTIONS must be bridge alone"),
            Events::Http if self.functions.has(Function::Bridge) => {
                return lacks("bridge cannot run: nothing listens for devices; let AWS IoT be the bridge (DRAWBRIDGE_EVENTS=authorizer)");
            }
            _ => {}
        }
        let is_local = |url: &str, schemes: &[&str]| schemes.iter().any(|s| url.starts_with(s));
        if is_local(&self.urls.records, &["sled:", "memory:"]) {
            return lacks("DRAWBRIDGE_RECORDS must be at a place that all instances share, such as dynamodb://{table}");
        }
        if self.urls.publisher.as_deref().is_some_and(|url| is_local(url, &["log:"])) {
            return lacks("DRAWBRIDGE_PUBLISHER must outlive the instance, as pubsub://{project} does");
        }
        if self.urls.objects.as_deref().is_some_and(|url| is_local(url, &["folder:"])) {
            return lacks("DRAWBRIDGE_OBJECTS must outlive the instance, as gs:// does");
        }
        match &self.tokens {
            Some(tokens) if tokens.issuer.is_none() => Err(ConfigError::missing(key::ISSUER, "token-exchange on AWS Lambda")),
            Some(tokens) if tokens.giver == Giver::Local => lacks("DRAWBRIDGE_TOKENS must be a provider at Google, not local"),
            Some(tokens) if !tokens.signing_keys.are_shared() => {
                lacks("DRAWBRIDGE_SIGNING_KEYS must be at a place that all instances share, such as awskms://{key ARN}")
            }
            _ => Ok(()),
        }
    }
}
