//! What the token service needs from outside.

use std::sync::Arc;

use domain::Timestamp;
use domain::ports::{Clock, Random, SigningKeys, Stores, TokenIssuer};
use domain::status::StatusBook;

use crate::{Impersonation, IssuerUrl, TokenCache};

/// What the token service needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Where registries and devices are kept.
    pub stores: Stores,
    /// Where refusals are noted as a device's last error.
    pub statuses: Arc<StatusBook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where jitter comes from.
    pub random: Random,
    /// Who gives access tokens.
    pub issuer: Arc<dyn TokenIssuer>,
    /// What we sign subject tokens with.
    pub keys: Arc<dyn SigningKeys>,
    /// Our name as OpenID Connect issuer.
    pub issuer_url: IssuerUrl,
    /// Which devices may act as which service accounts.
    pub impersonation: Arc<Impersonation>,
    /// Tokens that were issued, for this process.
    pub cache: Arc<TokenCache>,
}

impl Deps {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
