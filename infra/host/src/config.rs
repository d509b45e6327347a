//! What `drawbridge-function` is told: environment variables, read once. An unknown one, a missing one and a bad value are
//! refused with a sentence that names the variable, the value and what is allowed.

mod error;
mod home;
#[cfg(feature = "full")]
mod limits;
pub mod nearest;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use edge::AdminToken;
#[cfg(feature = "full")]
use infra_bridge::Limits;

pub use error::ConfigError;
pub use home::{Events, Home};
pub use table::{VARIABLES, Variable, help};

use crate::PubSubOrdering;
use crate::connect::{Emulators, NatsFiles, Urls};
#[cfg(feature = "full")]
use crate::local_stack::LocalIam;
use crate::logs::Format;
use crate::mount::{Function, Functions, Uses};
use crate::tokens::TokenConfig;
use table as key;

/// The environment, as the process or a test has it.
pub type Environment = BTreeMap<String, String>;

/// Variables of other programs of the project, which may stand in the same environment.
const OTHERS: [&str; 4] = ["DRAWBRIDGE_SHIM_", "DRAWBRIDGE_TEST_", "DRAWBRIDGE_BIN", "DRAWBRIDGE_POWER_CUT"];

/// What `drawbridge-function` is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// What runs.
    pub functions: Functions,
    /// Where.
    pub home: Home,
    /// Where the HTTP functions and the health checks listen.
    pub http: SocketAddr,
    /// Where the bridge listens without TLS.
    pub mqtt: Option<SocketAddr>,
    /// Where the bridge listens with TLS, and by which certificate chain and key.
    pub mqtts: Option<(SocketAddr, PathBuf, PathBuf)>,
    /// What bounds the bridge.
    #[cfg(feature = "full")]
    pub limits: Limits,
    /// Where `/metrics` listens.
    pub metrics: Option<SocketAddr>,
    /// With what.
    pub urls: Urls,
    /// Who may administer.
    pub admin_token: Option<AdminToken>,
    /// The ARN of the secret that holds it, where `admin_token` does not: read when the function starts.
    pub admin_token_secret: Option<String>,
    /// The token service, where it runs.
    pub tokens: Option<TokenConfig>,
    /// The folder of the signing keys.
    pub data: PathBuf,
    /// Written, as JSON with every bound address, once everything listens.
    pub ready_file: Option<PathBuf>,
    /// What is logged.
    pub log: String,
    /// As what; `None`: as it suits where this runs.
    pub log_format: Option<Format>,
}

impl Config {
    /// Reads and checks everything. Nothing is opened but the file of the admin token.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let env = Reader(environment);
        env.refuse_unknown()?;
        let functions: Functions = env.required(key::FUNCTIONS, "this program")?;
        let home = env.home()?;
        let urls = env.urls(&functions, home)?;
        let config = Self {
            home,
            http: env.http()?,
            mqtt: env.optional(key::MQTT)?,
            mqtts: env.mqtts()?,
            #[cfg(feature = "full")]
            limits: env.limits()?,
            metrics: env.optional(key::METRICS)?,
            admin_token: env.admin_token(&functions)?,
            admin_token_secret: env.text(key::ADMIN_TOKEN_SECRET).map(Into::into),
            tokens: env.tokens(&functions)?,
            data: env.path(key::DATA).unwrap_or_else(|| key::DATA.default.into()),
            ready_file: env.path(key::READY_FILE),
            log: env.text(key::LOG).unwrap_or(key::LOG.default).to_owned(),
            log_format: env.optional(key::LOG_FORMAT)?,
            functions,
            urls,
        };
        config.check_bridge()?;
        if let Home::Lambda(events) = home {
            env.refuse_of_servers()?;
            config.check_lambda(events)?;
        }
        Ok(config)
    }

    /// Whoever sends commands reaches a bridge.
    fn check_bridge(&self) -> Result<(), ConfigError> {
        let has_bridge = self.functions.has(Function::Bridge);
        let sender = self.functions.iter().find(|f| f.uses().commands);
        match sender {
            Some(sender) if !has_bridge && self.urls.commands == "local:" => Err(ConfigError::NoBridge(sender)),
            _ => Ok(()),
        }
    }
}

struct Reader<'a>(&'a Environment);

impl Reader<'_> {
    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let ours = self.0.keys().filter(|n| n.starts_with("DRAWBRIDGE_") && !OTHERS.iter().any(|o| n.starts_with(o)));
        match ours.into_iter().find(|n| !VARIABLES.iter().any(|v| v.name == *n)) {
            Some(unknown) => Err(ConfigError::Unknown(unknown.clone())),
            None => Ok(()),
        }
    }

    /// The value; one that is empty is none.
    fn text(&self, variable: Variable) -> Option<&str> {
        self.0.get(variable.name).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn path(&self, variable: Variable) -> Option<PathBuf> {
        self.text(variable).map(Into::into)
    }

    fn optional<T: FromStr<Err: ToString>>(&self, variable: Variable) -> Result<Option<T>, ConfigError> {
        let parsed = |text: &str| text.parse().map_err(|e: T::Err| ConfigError::bad(variable, text, e));
        self.text(variable).map(parsed).transpose()
    }

    fn required<T: FromStr<Err: ToString>>(&self, variable: Variable, by: &str) -> Result<T, ConfigError> {
        self.optional(variable)?.ok_or_else(|| ConfigError::missing(variable, by))
    }

    /// What the first of the functions needs that works with it.
    fn needed(&self, variable: Variable, functions: &Functions, works_with: impl Fn(Uses) -> bool) -> Result<Option<String>, ConfigError> {
        match (self.text(variable), functions.iter().find(|f| works_with(f.uses()))) {
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, Some(function)) => Err(ConfigError::missing(variable, function.name())),
            (None, None) => Ok(None),
        }
    }

    fn urls(&self, functions: &Functions, home: Home) -> Result<Urls, ConfigError> {
        let ordering = match self.text(key::ORDERING) {
            None | Some("device") => PubSubOrdering::Device,
            Some("none") => PubSubOrdering::None,
            Some(other) => return Err(ConfigError::bad(key::ORDERING, other, "neither")),
        };
        // Who only says who a device is publishes nothing.
        let publishes = |uses: Uses| uses.publisher && home != Home::Lambda(Events::Authorizer);
        Ok(Urls {
            records: self.required(key::RECORDS, "every function")?,
            publisher: self.needed(key::PUBLISHER, functions, publishes)?,
            objects: self.needed(key::OBJECTS, functions, |uses| uses.objects)?,
            commands: self.text(key::COMMANDS).unwrap_or(key::COMMANDS.default).to_owned(),
            nats: NatsFiles {
                credentials: self.path(key::NATS_CREDENTIALS),
                roots: self.path(key::NATS_CA),
                certificate: self.pair(key::NATS_CERT, key::NATS_KEY)?,
            },
            emulators: Emulators {
                account: self.optional(key::GOOGLE_CREDENTIALS)?,
                ..Emulators::named_by(|name| self.0.get(name).filter(|v| !v.is_empty()).cloned())
            },
            ordering,
        })
    }

    /// Both or neither.
    fn pair(&self, one: Variable, other: Variable) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        match (self.path(one), self.path(other)) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(ConfigError::missing(other, one.name)),
            (None, Some(_)) => Err(ConfigError::missing(one, other.name)),
        }
    }

    /// `DRAWBRIDGE_HTTP`, or `PORT` on every address, as Cloud Run has it.
    fn http(&self) -> Result<SocketAddr, ConfigError> {
        let port: u16 = self.optional(key::PORT)?.unwrap_or(key::DEFAULT_PORT);
        Ok(self.optional(key::HTTP)?.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, port).into()))
    }

    fn mqtts(&self) -> Result<Option<(SocketAddr, PathBuf, PathBuf)>, ConfigError> {
        let pair = self.pair(key::TLS_CERT, key::TLS_KEY)?;
        match (self.optional(key::MQTTS)?, pair) {
            (Some(address), Some((certificate, key))) => Ok(Some((address, certificate, key))),
            (Some(_), None) => Err(ConfigError::missing(key::TLS_CERT, key::MQTTS.name)),
            (None, _) => Ok(None),
        }
    }

    fn admin_token(&self, functions: &Functions) -> Result<Option<AdminToken>, ConfigError> {
        let given: Vec<_> =
            [key::ADMIN_TOKEN, key::ADMIN_TOKEN_FILE, key::ADMIN_TOKEN_SECRET].into_iter().filter(|v| self.text(*v).is_some()).collect();
        if let [one, other, ..] = given[..] {
            return Err(ConfigError::Both(one.name, other.name));
        }
        let text = match (self.text(key::ADMIN_TOKEN), self.path(key::ADMIN_TOKEN_FILE)) {
            _ if self.text(key::ADMIN_TOKEN_SECRET).is_some() => return Ok(None),
            (Some(text), _) => text.to_owned(),
            (None, Some(file)) => {
                fs::read_to_string(&file).map_err(|e| ConfigError::bad(key::ADMIN_TOKEN_FILE, &file.display().to_string(), e))?
            }
            (None, None) => {
                return self.needed(key::ADMIN_TOKEN, functions, |uses| uses.admin).map(|_| None);
            }
        };
        if text.trim().is_empty() {
            return Err(ConfigError::bad(key::ADMIN_TOKEN_FILE, "", "the file is empty"));
        }
        Ok(Some(AdminToken::new(text.trim())))
    }

    fn tokens(&self, functions: &Functions) -> Result<Option<TokenConfig>, ConfigError> {
        if !functions.iter().any(|f| f.uses().tokens) {
            return Ok(None);
        }
        Ok(Some(TokenConfig {
            issuer: self.optional(key::ISSUER)?,
            giver: self.required(key::TOKENS, "token-exchange")?,
            impersonation: self
                .text(key::IMPERSONATE)
                .unwrap_or_default()
                .parse()
                .map_err(|e| ConfigError::bad(key::IMPERSONATE, self.text(key::IMPERSONATE).unwrap_or_default(), e))?,
            signing_keys: self.optional(key::SIGNING_KEYS)?.unwrap_or_default(),
            #[cfg(feature = "full")]
            local: LocalIam::default(),
        }))
    }
}
