//! The two tokens: the device's own, and that of a service account it may act as.

use anyhow::Result;
use serde_json::{Value, json};

use super::call::{Body, Call, Held};
use super::device::Device;
use super::flags::{Account, Common, DeviceFlags, GivenToken};
use super::print::JWT_COMES_FROM;
use super::run::Run;
use super::urls::Api;
use crate::table;

/// The scope that the sample asked for where a service account is acted as.
pub(super) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(super) const GENERATE_EXAMPLES: &str = "Examples:
  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry DRAWBRIDGE_DEVICE=my-device
  export DRAWBRIDGE_PRIVATE_KEY_FILE=device.key.pem
  drawbridge generate-access-token --scope=https://www.googleapis.com/auth/cloud-platform
  drawbridge generate-access-token --scope=https://www.googleapis.com/auth/pubsub --token_only

As accesstoken.py had it, every flag can also stand before the subcommand.";

pub(super) const EXCHANGE_EXAMPLES: &str = "Examples:
  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry DRAWBRIDGE_DEVICE=my-device
  export DRAWBRIDGE_PRIVATE_KEY_FILE=device.key.pem ACCOUNT=operator@local.iam.gserviceaccount.com
  SCOPE=https://www.googleapis.com/auth/cloud-platform
  DRAWBRIDGE_DEVICE_ACCESS_TOKEN=$(drawbridge generate-access-token --token_only --scope=$SCOPE)
  export DRAWBRIDGE_DEVICE_ACCESS_TOKEN
  drawbridge exchange-device-token-for-service-account-token --service_account_email=$ACCOUNT

Who may act as the account: `drawbridge up --iam-policy FILE` here, roles/iam.workloadIdentityUser at Google.";

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    device: DeviceFlags,
    /// What the token is for: OAuth 2.0 scopes, separated by spaces.
    #[arg(long, value_name = "SCOPES")]
    scope: String,
    #[command(flatten)]
    alone: Alone,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Exchange {
    #[command(flatten)]
    given: GivenToken,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    alone: Alone,
    #[command(flatten)]
    common: Common,
    // The sample took these in every subcommand; here no JWT is needed.
    #[command(flatten)]
    _device: DeviceFlags,
}

/// How a token is printed.
#[derive(Debug, clap::Args)]
struct Alone {
    /// Print the token and nothing else, for scripts.
    #[arg(long, conflicts_with_all = ["json", "format"])]
    token_only: bool,
}

impl Generate {
    pub(crate) fn run(self) -> Result<()> {
        let (run, profile) = Run::open(self.common)?;
        let device = Device::read(self.device, &profile)?;
        let (_, answer) = of_device(&run, &device, &self.scope)?;
        let Some(answer) = answer else { return Ok(()) };
        let life = answer["expires_in"].as_u64().map(|secs| format!("\nIt opens {} for {secs} s.", self.scope)).unwrap_or_default();
        show(&run, &answer, "access_token", &self.alone, |token| format!("Device access token: {token}{life}"))
    }
}

impl Exchange {
    pub(crate) fn run(self) -> Result<()> {
        let (run, _) = Run::open(self.common)?;
        let device = Held { secret: self.given.device_access_token, variable: "DRAWBRIDGE_DEVICE_ACCESS_TOKEN" };
        let (_, answer) = of_account(&run, &device, &self.account)?;
        let Some(answer) = answer else { return Ok(()) };
        let until = answer["expireTime"].as_str().map(|time| format!("\nIt is good until {time}.")).unwrap_or_default();
        show(&run, &answer, "accessToken", &self.alone, |token| format!("Service account access token: {token}{until}"))
    }
}

fn show(run: &Run, answer: &Value, field: &str, alone: &Alone, text: impl FnOnce(&str) -> String) -> Result<()> {
    let token = answer[field].as_str().unwrap_or_default();
    if alone.token_only { table::print(&format!("{token}\n")) } else { run.show(answer, &text(token)) }
}

/// The device's own access token, and the token service's answer.
pub(super) fn of_device(run: &Run, device: &Device, scope: &str) -> Result<(Held, Option<Value>)> {
    let jwt = if run.sender().is_some() { device.jwt()? } else { String::new().into() };
    if run.sender().is_none() {
        table::print(JWT_COMES_FROM)?;
    }
    let jwt = Held { secret: jwt, variable: "DEVICE_JWT" };
    let name = device.name.segments().join("/");
    let mut path: Vec<&str> = std::iter::once("v1beta1").chain(device.name.segments().iter().map(String::as_str)).collect();
    let verb = format!("{}:generateAccessToken", device.name.id());
    path.pop();
    path.push(&verb);
    let body = Body::Form(vec![("scope", scope.to_owned()), ("device", name)]);
    let call = Call::post(Api::TokenService, run.url(Api::TokenService, &path), &jwt, body);
    run.token(&call, "access_token", "ACCESS_TOKEN")
}

/// The token of a service account that the holder of `token` may act as, and the answer of IAM Credentials.
pub(super) fn of_account(run: &Run, token: &Held, account: &Account) -> Result<(Held, Option<Value>)> {
    let verb = format!("{}:generateAccessToken", account.service_account_email);
    let url = run.url(Api::IamCredentials, &["v1", "projects", "-", "serviceAccounts", &verb]);
    let call = Call::post(Api::IamCredentials, url, token, Body::Json(json!({ "scope": [CLOUD_PLATFORM] })));
    run.token(&call, "accessToken", "SERVICE_ACCOUNT_TOKEN")
}
