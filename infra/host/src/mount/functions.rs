//! Which functions run.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Something that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// A device's token for an access token of the cloud.
    TokenExchange,
    /// Commands and configurations to devices.
    CommandRelay,
    /// Files of devices.
    StorageDownload,
    /// Events of devices over HTTP.
    PubsubFanout,
    /// Registries and devices.
    DeviceRegistry,
    /// MQTT.
    Bridge,
}

/// What a function works with, beside the records, which all read and write, the clock and randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// Topics, to publish to.
    pub publisher: bool,
    /// Files of devices.
    pub objects: bool,
    /// Live sessions.
    pub commands: bool,
    /// Administrators, who prove themselves by a token.
    pub admin: bool,
    /// The token service and its signing keys.
    pub tokens: bool,
}

impl Function {
    /// What it works with: the environment is asked for it, and Terraform's examples give the rights to it and no others.
    pub fn uses(self) -> Uses {
        let none = Uses::default();
        match self {
            Self::DeviceRegistry | Self::CommandRelay => Uses { commands: true, admin: true, ..none },
            Self::TokenExchange => Uses { tokens: true, ..none },
            Self::StorageDownload => Uses { objects: true, ..none },
            Self::PubsubFanout | Self::Bridge => Uses { publisher: true, ..none },
        }
    }

    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::TokenExchange, Self::CommandRelay, Self::StorageDownload, Self::PubsubFanout, Self::DeviceRegistry, Self::Bridge];

    /// As it is written in `DRAWBRIDGE_FUNCTIONS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenExchange => "token-exchange",
            Self::CommandRelay => "command-relay",
            Self::StorageDownload => "storage-download",
            Self::PubsubFanout => "pubsub-fanout",
            Self::DeviceRegistry => "device-registry",
            Self::Bridge => "bridge",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No such function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no function: there are token-exchange, command-relay, storage-download, pubsub-fanout, device-registry, bridge, all")]
pub struct UnknownFunction(String);

/// A choice of functions, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Functions(BTreeSet<Function>);

impl Functions {
    /// Every one.
    pub fn all() -> Self {
        Self(Function::ALL.into())
    }

    /// Whether it was chosen.
    pub fn has(&self, function: Function) -> bool {
        self.0.contains(&function)
    }

    /// Those chosen.
    pub fn iter(&self) -> impl Iterator<Item = Function> {
        self.0.iter().copied()
    }
}

/// Names with commas between them, or `all`.
impl FromStr for Functions {
    type Err = UnknownFunction;
    fn from_str(s: &str) -> Result<Self, UnknownFunction> {
        if s.trim() == "all" {
            return Ok(Self::all());
        }
        let one = |name: &str| Function::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| UnknownFunction(name.into()));
        s.split(',').map(|name| one(name.trim())).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_chosen_by_name() {
        let chosen: Functions = "bridge, token-exchange".parse().unwrap();
        assert_eq!(chosen.iter().map(Function::name).collect::<Vec<_>>(), ["token-exchange", "bridge"]);
        assert_eq!("all".parse::<Functions>().unwrap(), Functions::all());
        let refused = "bridge,brigde".parse::<Functions>().unwrap_err().to_string();
        assert!(refused.starts_with("`brigde` is no function: there are token-exchange,"), "{refused}");
        assert!("".parse::<Functions>().is_err());
    }
}
