//! Who administers an installation: who has its admin token.

use edge::{AdminAuth, AdminToken};

use crate::config::Config;
use crate::connect::{ConnectError, Ports};

/// The admin token as it was given, or out of its secret.
pub(crate) async fn auth(config: &Config, ports: &Ports) -> Result<Option<AdminAuth>, ConnectError> {
    let token = match (&config.admin_token, &config.admin_token_secret) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(id)) => Some(AdminToken::new(infra_aws::secrets::read(&ports.aws, id).await?.reveal())),
        (None, None) => None,
    };
    Ok(token.map(AdminAuth::Token))
}
