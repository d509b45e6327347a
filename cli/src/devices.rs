//! `drawbridge devices`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::changes::{Changes, enum_name, switch};
use crate::client::Request;
use crate::error::usage;
use crate::flags::{InRegistry, Paging};
use crate::key_file::PublicKey;
use crate::pairs::Pairs;
use crate::registries::accounts;
use crate::session::{Session, Verb};
use crate::table::{Column, cell, time};
use crate::{commands, configs, credentials, gateways, states};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge devices create my-device --public-key path=device.pub.pem,type=es256
  drawbridge devices create meter --metadata room=7,floor=2 --blocked
  drawbridge devices list --limit 20
  drawbridge devices describe my-device
  drawbridge devices update meter --no-blocked --log-level debug
  drawbridge devices delete meter --quiet

`drawbridge-shim keygen` makes a key on the device; device.pub.pem is its public half.";

#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Create a device.
    Create {
        /// Its id, or its full name.
        device: String,
        #[command(flatten)]
        within: InRegistry,
        #[command(flatten)]
        settings: Box<Settings>,
        /// What it signs with: path=FILE,type=TYPE[,expiration-time=TIME]. Repeatable, at most 3. Types: es256, rs256 (a key or a certificate), or exactly es256-pem, es256-x509-pem, rsa-pem, rsa-x509-pem.
        #[arg(long = "public-key", value_name = "PAIRS")]
        public_keys: Vec<PublicKey>,
        /// Whether it is a gateway.
        #[arg(long, value_name = "TYPE", value_parser = ["gateway", "non-gateway"])]
        device_type: Option<String>,
    },
    /// Show a device.
    Describe {
        /// Its id, number or full name.
        device: String,
        #[command(flatten)]
        within: InRegistry,
    },
    /// List the devices of a registry.
    List {
        #[command(flatten)]
        within: InRegistry,
        /// These ids alone.
        #[arg(long, value_name = "ID", value_delimiter = ',')]
        device_ids: Vec<String>,
        /// These numbers alone.
        #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
        device_num_ids: Vec<u64>,
        /// Gateways alone, or all others.
        #[arg(long, value_name = "TYPE", value_parser = ["gateway", "non-gateway"])]
        device_type: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Change a device: what is given is set, the rest stays.
    Update {
        /// Its id, number or full name.
        device: String,
        #[command(flatten)]
        within: InRegistry,
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Delete a device with its configuration and states.
    Delete {
        /// Its id, number or full name.
        device: String,
        #[command(flatten)]
        within: InRegistry,
    },
    /// The same as `drawbridge gateways`.
    #[command(subcommand)]
    Gateways(gateways::Gateways),
    /// The same as `drawbridge credentials`.
    #[command(subcommand)]
    Credentials(credentials::Credentials),
    /// The same as `drawbridge configs`.
    #[command(subcommand)]
    Configs(configs::Configs),
    /// The same as `drawbridge states`.
    #[command(subcommand)]
    States(states::States),
    /// The same as `drawbridge commands`.
    #[command(subcommand)]
    Commands(commands::Commands),
}

/// What creation and update share.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Refuse the device everywhere.
    #[arg(long, overrides_with = "no_blocked")]
    blocked: bool,
    /// Let it in (the default).
    #[arg(long)]
    no_blocked: bool,
    /// KEY=VALUE,…: at most 500 pairs; on update they take the place of all there were. `^;^` in front separates by `;`.
    #[arg(long, value_name = "PAIRS")]
    metadata: Option<Pairs>,
    /// KEY=FILE,…: values that are files.
    #[arg(long, value_name = "PAIRS")]
    metadata_from_file: Option<Pairs>,
    /// How much of its life is logged; goes before the registry's level.
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "error", "info", "debug"])]
    log_level: Option<String>,
    /// How devices behind this gateway prove themselves.
    #[arg(long, value_name = "METHOD", value_parser = ["association-only", "device-auth-token-only", "association-and-device-auth-token"])]
    auth_method: Option<String>,
    /// Service accounts that it may act as, by address, in place of its registry's; empty for the registry's.
    #[arg(long, value_name = "EMAIL,...", value_delimiter = ',')]
    service_accounts: Option<Vec<String>>,
}

impl Settings {
    fn changes(&self) -> Result<Changes> {
        let mut changes = Changes::default();
        changes.set("blocked", switch(self.blocked, self.no_blocked).map(Value::from));
        changes.set("metadata", self.metadata()?);
        changes.set("logLevel", self.log_level.as_deref().map(enum_name));
        changes.set("serviceAccounts", self.service_accounts.as_deref().map(accounts));
        changes.set("gatewayConfig.gatewayAuthMethod", self.auth_method.as_deref().map(enum_name));
        Ok(changes)
    }

    fn metadata(&self) -> Result<Option<Value>> {
        if self.metadata.is_none() && self.metadata_from_file.is_none() {
            return Ok(None);
        }
        let mut all = Map::new();
        for (key, value) in self.metadata.iter().flat_map(|pairs| &pairs.0) {
            all.insert(key.clone(), value.as_str().into());
        }
        for (key, path) in self.metadata_from_file.iter().flat_map(|pairs| &pairs.0) {
            let read = std::fs::read_to_string(PathBuf::from(path));
            all.insert(key.clone(), read.map_err(|e| usage(format!("metadata file {path}: {e}")))?.into());
        }
        Ok(Some(all.into()))
    }
}

/// What a row shows; the API answers ids and gateway settings alone unless it is asked.
pub(crate) const FIELDS: &str =
    "blocked,logLevel,metadata,gatewayConfig,lastEventTime,lastStateTime,lastHeartbeatTime,lastErrorTime,lastErrorStatus";

pub(crate) const COLUMNS: [Column; 5] = [
    ("ID", |d| cell(&d["id"])),
    ("NUM_ID", |d| cell(&d["numId"])),
    ("BLOCKED", |d| if d["blocked"] == true { "yes".into() } else { "no".into() }),
    ("LAST_EVENT", |d| time(&d["lastEventTime"])),
    ("LAST_ERROR", |d| cell(&d["lastErrorStatus"]["message"])),
];

impl Verb for Devices {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { device, within, settings, public_keys, device_type } => {
                let about = session.device(&within, &device)?;
                let mut changes = settings.changes()?;
                let keys = public_keys.iter().map(PublicKey::credential).collect::<Result<Vec<_>>>()?;
                changes.set("credentials", (!keys.is_empty()).then_some(keys.into()));
                changes.set("gatewayConfig.gatewayType", device_type.as_deref().map(enum_name));
                let request = Request::create(&about, changes.with_id(about.id()));
                session.change(&request, |made| format!("Created {about}, number {}.", cell(&made["numId"])))
            }
            Self::Describe { device, within } => session.describe(&Request::get(&session.device(&within, &device)?)),
            Self::List { within, device_ids, device_num_ids, device_type, paging } => {
                let mut request = Request::get(&session.within(&within)?).below("devices").query("fieldMask", FIELDS);
                let kind = device_type.iter().map(|kind| ("gatewayListOptions.gatewayType", kind.replace('-', "_").to_uppercase()));
                let ids = device_ids.iter().map(|id| ("deviceIds", id.clone()));
                let numbers = device_num_ids.iter().map(|number| ("deviceNumIds", number.to_string()));
                for (name, value) in kind.chain(ids).chain(numbers) {
                    request = request.query(name, value);
                }
                let none = "No devices here. Create one: drawbridge devices create DEVICE --registry REGISTRY --region REGION";
                session.list(&request, "devices", &paging, &COLUMNS, none)
            }
            Self::Update { device, within, settings } => {
                let about = session.device(&within, &device)?;
                session.change(&settings.changes()?.update(&about)?, |_| format!("Updated {about}."))
            }
            Self::Delete { device, within } => session.delete(&session.device(&within, &device)?),
            Self::Gateways(verb) => verb.run(session),
            Self::Credentials(verb) => verb.run(session),
            Self::Configs(verb) => verb.run(session),
            Self::States(verb) => verb.run(session),
            Self::Commands(verb) => verb.run(session),
        }
    }
}
