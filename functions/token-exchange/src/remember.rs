//! What is kept of a token that was just given, so that the routes for objects take it as they take the device's JWT.

use domain::issued_token::{self, access};
use domain::token::{AccessToken, Scope};
use domain::{Device, PortError};

use crate::Deps;

/// Remembers whose `token` is, if its scope opens objects and the device's registry has rules for them. A token whose
/// record could not be written is not given out: it would work at Google and not here, until it expires.
pub(crate) async fn remember(deps: &Deps, device: &Device, scope: &Scope, token: &AccessToken) -> Result<(), PortError> {
    let Some(access) = access(scope) else { return Ok(()) };
    let registry = deps.stores.registries.get(&device.key.registry.to_string()).await?;
    if registry.is_none_or(|registry| registry.value.object_rules.is_empty()) {
        return Ok(());
    }
    issued_token::remember(&*deps.stores.issued_tokens, device, token, access, deps.now()).await
}
