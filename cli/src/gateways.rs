//! `drawbridge gateways`: devices that speak for others, and which.

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use crate::client::Request;
use crate::devices::{self, Devices, Settings};
use crate::error::usage;
use crate::flags::{InRegistry, Paging};
use crate::key_file::PublicKey;
use crate::resource::Resource;
use crate::session::{Session, Verb};
use crate::table::{Column, cell, time};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge gateways create my-gateway --auth-method association-only \\
    --public-key path=device.pub.pem,type=es256
  drawbridge gateways bind --gateway my-gateway --device my-device
  drawbridge gateways list
  drawbridge gateways list --device my-device
  drawbridge gateways list-devices --gateway my-gateway
  drawbridge gateways describe my-gateway
  drawbridge gateways unbind --gateway my-gateway --device my-device
  drawbridge gateways delete my-gateway --quiet

A gateway is a device; `drawbridge devices update` changes it too. It attaches a device by a message to /devices/DEVICE/attach.";

#[derive(Debug, Subcommand)]
pub(crate) enum Gateways {
    /// Create a gateway.
    Create {
        /// Its id, or its full name.
        gateway: String,
        #[command(flatten)]
        within: InRegistry,
        #[command(flatten)]
        settings: Box<Settings>,
        /// What it signs with: path=FILE,type=TYPE[,expiration-time=TIME], as for a device. Repeatable, at most 3.
        #[arg(long = "public-key", value_name = "PAIRS")]
        public_keys: Vec<PublicKey>,
    },
    /// Show a gateway.
    Describe {
        /// Its id, number or full name.
        gateway: String,
        #[command(flatten)]
        within: InRegistry,
    },
    /// List the gateways of a registry, or those of a device.
    List {
        #[command(flatten)]
        within: InRegistry,
        /// Those that this device is bound to, by id or number.
        #[arg(long, value_name = "DEVICE")]
        device: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// List the devices that are bound to a gateway.
    ListDevices {
        /// The gateway, by id or number.
        #[arg(long, value_name = "GATEWAY")]
        gateway: String,
        #[command(flatten)]
        within: InRegistry,
        #[command(flatten)]
        paging: Paging,
    },
    /// Let a gateway speak for a device.
    Bind(Pair),
    /// Let it no longer.
    Unbind(Pair),
    /// Delete a gateway that no device is bound to.
    Delete {
        /// Its id, number or full name.
        gateway: String,
        #[command(flatten)]
        within: InRegistry,
    },
}

/// A gateway and a device of the same registry.
#[derive(Debug, Args)]
pub(crate) struct Pair {
    /// The gateway, by id, number or full name.
    #[arg(long, value_name = "GATEWAY")]
    gateway: String,
    /// The device, by id, number or full name.
    #[arg(long, value_name = "DEVICE")]
    device: String,
    #[command(flatten)]
    within: InRegistry,
    /// Before --registry, as gcloud has it.
    #[arg(long, value_name = "REGISTRY", hide_short_help = true)]
    gateway_registry: Option<String>,
    /// Before --region.
    #[arg(long, value_name = "REGION", hide_short_help = true)]
    gateway_region: Option<String>,
    /// The same for the device; it must be the same registry.
    #[arg(long, value_name = "REGISTRY", hide_short_help = true)]
    device_registry: Option<String>,
    /// The same for the device; it must be the same region.
    #[arg(long, value_name = "REGION", hide_short_help = true)]
    device_region: Option<String>,
}

impl Pair {
    fn one(&self, session: &Session, given: &str, registry: Option<&String>, region: Option<&str>) -> Result<Resource> {
        Resource::device(given, || match registry.or(self.within.registry.as_ref()) {
            Some(registry) => Resource::registry(registry, || session.location_in(region)),
            None => session.within(&self.within),
        })
    }

    /// Sends the verb to the registry of the two; says `done`, the device, `to` and the gateway.
    fn send(&self, session: &Session, verb: &'static str, [done, to]: [&str; 2]) -> Result<()> {
        let gateway = self.one(session, &self.gateway, self.gateway_registry.as_ref(), self.gateway_region.as_deref())?;
        let device = self.one(session, &self.device, self.device_registry.as_ref(), self.device_region.as_deref())?;
        let registry = |of: &Resource| of.segments()[..of.segments().len() - 2].join("/");
        if registry(&gateway) != registry(&device) {
            return Err(usage(format!("gateway `{}` and device `{}` are not in the same registry", gateway.id(), device.id())));
        }
        let about = session.registry(&registry(&gateway))?;
        let body = json!({ "gatewayId": gateway.id(), "deviceId": device.id() });
        let request = Request::new(Method::POST, &about).verb(verb).body(body);
        session.change(&request, |_| format!("{done} {device} {to} gateway `{}`.", gateway.id()))
    }
}

const COLUMNS: [Column; 5] = [
    ("ID", |g| cell(&g["id"])),
    ("NUM_ID", |g| cell(&g["numId"])),
    ("AUTH_METHOD", |g| cell(&g["gatewayConfig"]["gatewayAuthMethod"])),
    ("BLOCKED", |g| if g["blocked"] == true { "yes".into() } else { "no".into() }),
    ("LAST_HEARTBEAT", |g| time(&g["lastHeartbeatTime"])),
];

fn listing(session: &Session, within: &InRegistry, option: &'static str, value: String) -> Result<Request> {
    let request = Request::get(&session.within(within)?).below("devices").query("fieldMask", devices::FIELDS);
    Ok(request.query(option, value))
}

impl Verb for Gateways {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { gateway, within, settings, public_keys } => {
                let device_type = Some("gateway".to_owned());
                Devices::Create { device: gateway, within, settings, public_keys, device_type }.run(session)
            }
            Self::Describe { gateway, within } => Devices::Describe { device: gateway, within }.run(session),
            Self::List { within, device, paging } => {
                let (option, value, none) = match device {
                    None => (
                        "gatewayListOptions.gatewayType",
                        "GATEWAY".to_owned(),
                        "No gateways here. Create one: drawbridge gateways create GATEWAY",
                    ),
                    Some(device) => ("gatewayListOptions.associationsDeviceId", device, "The device is bound to no gateway."),
                };
                session.list(&listing(session, &within, option, value)?, "devices", &paging, &COLUMNS, none)
            }
            Self::ListDevices { gateway, within, paging } => {
                let none =
                    format!("No device is bound to `{gateway}`. Bind one: drawbridge gateways bind --gateway {gateway} --device DEVICE");
                let request = listing(session, &within, "gatewayListOptions.associationsGatewayId", gateway)?;
                session.list(&request, "devices", &paging, &devices::COLUMNS, &none)
            }
            Self::Bind(pair) => pair.send(session, "bindDeviceToGateway", ["Bound", "to"]),
            Self::Unbind(pair) => pair.send(session, "unbindDeviceFromGateway", ["Unbound", "from"]),
            Self::Delete { gateway, within } => Devices::Delete { device: gateway, within }.run(session),
        }
    }
}
