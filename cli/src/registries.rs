//! `drawbridge registries`.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::changes::{Changes, enum_name, switch};
use crate::client::Request;
use crate::flags::Paging;
use crate::pairs::Pairs;
use crate::session::{Session, Verb};
use crate::table::{Column, cell};
use crate::{credentials, key_file, policies};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1
  drawbridge registries create my-registry --event-notification-config topic=events
  drawbridge registries create plant --state-pubsub-topic states \\
    --event-notification-config topic=alarms,subfolder=alarm \\
    --event-notification-config topic=events
  drawbridge registries list
  drawbridge registries describe my-registry --json
  drawbridge registries update my-registry --no-enable-http-config --log-level info
  drawbridge registries add-iam-policy-binding my-registry --role roles/cloudiot.viewer \\
    --member serviceAccount:ann@my-project.iam.gserviceaccount.com
  drawbridge registries get-iam-policy my-registry --json > policy.json
  drawbridge registries set-iam-policy my-registry policy.json
  drawbridge registries delete plant --quiet

A role in a registry's policy counts where callers prove who they are: with `drawbridge up --tokens local`.";

#[derive(Debug, Subcommand)]
pub(crate) enum Registries {
    /// Create a registry.
    Create {
        /// Its id, or its full name.
        registry: String,
        #[command(flatten)]
        settings: Settings,
        /// A CA certificate (PEM) that new device certificates must be signed by.
        #[arg(long, value_name = "FILE")]
        public_key_path: Option<PathBuf>,
    },
    /// Show a registry.
    Describe {
        /// Its id, or its full name.
        registry: String,
    },
    /// List the registries of a region.
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Change a registry: what is given is set, the rest stays.
    Update {
        /// Its id, or its full name.
        registry: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a registry that has no devices.
    Delete {
        /// Its id, or its full name.
        registry: String,
    },
    /// Show who may do what with a registry: its IAM policy.
    GetIamPolicy {
        /// Its id, or its full name.
        registry: String,
    },
    /// Replace the IAM policy of a registry.
    SetIamPolicy {
        /// Its id, or its full name.
        registry: String,
        /// The policy, as get-iam-policy --json prints it; with its etag it replaces that one alone.
        policy_file: PathBuf,
    },
    /// Give somebody a role on a registry.
    AddIamPolicyBinding {
        /// Its id, or its full name.
        registry: String,
        #[command(flatten)]
        binding: policies::Binding,
    },
    /// Take a role on a registry from somebody.
    RemoveIamPolicyBinding {
        /// Its id, or its full name.
        registry: String,
        #[command(flatten)]
        binding: policies::Binding,
    },
    /// The CA certificates of a registry: the same as `drawbridge credentials` without --device.
    #[command(subcommand)]
    Credentials(credentials::Credentials),
}

/// What creation and update share.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Where events go: topic=TOPIC; after it subfolder=SUBFOLDER for those of one alone. Repeatable, at most 10; the first match wins, and one with fan-out=true takes its matches beside that.
    #[arg(long = "event-notification-config", value_name = "PAIRS", value_parser = route_pairs)]
    routes: Vec<Pairs>,
    /// Where states go, beside the registry itself; empty for nowhere.
    #[arg(long, value_name = "TOPIC")]
    state_pubsub_topic: Option<String>,
    /// Let devices connect over MQTT (the default).
    #[arg(long, overrides_with = "no_enable_mqtt_config")]
    enable_mqtt_config: bool,
    /// Keep devices from MQTT.
    #[arg(long)]
    no_enable_mqtt_config: bool,
    /// Let devices use the HTTP bridge (the default).
    #[arg(long, overrides_with = "no_enable_http_config")]
    enable_http_config: bool,
    /// Keep devices from the HTTP bridge.
    #[arg(long)]
    no_enable_http_config: bool,
    /// How much of the life of its devices is logged.
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "error", "info", "debug"])]
    log_level: Option<String>,
    /// Service accounts that its devices may act as, by address; on update they take the place of all there were, empty for none.
    #[arg(long, value_name = "EMAIL,...", value_delimiter = ',')]
    service_accounts: Option<Vec<String>>,
}

impl Settings {
    fn changes(&self, session: &Session) -> Changes {
        let state = |protocol: &str, on: bool| -> Value { format!("{protocol}_{}", if on { "ENABLED" } else { "DISABLED" }).into() };
        let mqtt = switch(self.enable_mqtt_config, self.no_enable_mqtt_config);
        let http = switch(self.enable_http_config, self.no_enable_http_config);
        let routes: Vec<Value> = self.routes.iter().map(|pairs| route(session, pairs)).collect();
        let mut changes = Changes::default();
        changes.set("eventNotificationConfigs", (!routes.is_empty()).then_some(routes.into()));
        let topic = self.state_pubsub_topic.as_ref();
        changes.set("stateNotificationConfig.pubsubTopicName", topic.map(|topic| session.topic(topic).into()));
        changes.set("mqttConfig.mqttEnabledState", mqtt.map(|on| state("MQTT", on)));
        changes.set("httpConfig.httpEnabledState", http.map(|on| state("HTTP", on)));
        changes.set("logLevel", self.log_level.as_deref().map(enum_name));
        changes.set("serviceAccounts", self.service_accounts.as_deref().map(accounts));
        changes
    }
}

/// A list as given; an empty text means none.
pub(crate) fn accounts(given: &[String]) -> Value {
    given.iter().filter(|account| !account.is_empty()).cloned().collect::<Vec<_>>().into()
}

fn route_pairs(text: &str) -> Result<Pairs, String> {
    let pairs = Pairs::of(text, &["topic", "subfolder", "fan-out"])?;
    pairs.get("topic").ok_or("it needs topic=TOPIC")?;
    Ok(pairs)
}

fn route(session: &Session, pairs: &Pairs) -> Value {
    let mut route = json!({ "pubsubTopicName": session.topic(pairs.get("topic").unwrap_or_default()) });
    if let Some(subfolder) = pairs.get("subfolder") {
        route["subfolderMatches"] = subfolder.into();
    }
    if pairs.get("fan-out").is_some_and(|v| v != "false") {
        route["fanOut"] = true.into();
    }
    route
}

const COLUMNS: [Column; 4] = [
    ("ID", |r| cell(&r["id"])),
    ("MQTT", |r| cell(&r["mqttConfig"]["mqttEnabledState"])),
    ("HTTP", |r| cell(&r["httpConfig"]["httpEnabledState"])),
    ("EVENTS_TO", |r| {
        let topics = r["eventNotificationConfigs"].as_array().into_iter().flatten();
        let topics: Vec<_> = topics.map(|c| cell(&c["pubsubTopicName"])).collect();
        if topics.is_empty() { "-".to_owned() } else { topics.join(",") }
    }),
];

impl Verb for Registries {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { registry, settings, public_key_path } => {
                let about = session.registry(&registry)?;
                let mut changes = settings.changes(session);
                let certificate = public_key_path.map(|path| key_file::registry_credential(&path)).transpose()?;
                changes.set("credentials", certificate.map(|c| json!([c])));
                let request = Request::create(&about, changes.with_id(about.id()));
                session.change(&request, |_| format!("Created {about}."))
            }
            Self::Describe { registry } => session.describe(&Request::get(&session.registry(&registry)?)),
            Self::List { paging } => {
                let place = session.location()?;
                let request = Request::get(&place).below("registries");
                let named = place.segments().join("/");
                let none = format!("No registries in {named}. Is it this project and region? Then: drawbridge registries create REGISTRY");
                session.list(&request, "deviceRegistries", &paging, &COLUMNS, &none)
            }
            Self::Update { registry, settings } => {
                let about = session.registry(&registry)?;
                session.change(&settings.changes(session).update(&about)?, |_| format!("Updated {about}."))
            }
            Self::Delete { registry } => session.delete(&session.registry(&registry)?),
            Self::GetIamPolicy { registry } => session.describe(&policies::get(&session.registry(&registry)?)),
            Self::SetIamPolicy { registry, policy_file } => policies::replace(session, &session.registry(&registry)?, &policy_file),
            Self::AddIamPolicyBinding { registry, binding } => binding.add(session, &session.registry(&registry)?),
            Self::RemoveIamPolicyBinding { registry, binding } => binding.remove(session, &session.registry(&registry)?),
            Self::Credentials(verb) => verb.run(session),
        }
    }
}
