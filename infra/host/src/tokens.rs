//! With what the token service works: Google's token services, or the stand-in for them at our own address.

mod keys;
#[cfg(feature = "full")]
mod stand_in;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use infra_gcp::tokens::TokensError;
use infra_gcp::{GoogleTokens, TokenEndpoints};
#[cfg(feature = "full")]
use infra_local::SecurityTokenService;
#[cfg(feature = "full")]
use infra_local::security_token_service::{PolicyError, ProviderError, SetUpError};
use token_exchange::{Deps, Impersonation, IssuerError, IssuerUrl, TokenCache};

pub use keys::SigningKeysAt;

use crate::connect::Ports;
use crate::left_out::LeftOut;
#[cfg(feature = "full")]
use crate::local_stack::{LocalIam, LocalIamError};

/// Who gives the access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// The stand-in at our own address: its tokens open nothing at Google.
    Local,
    /// Google, by this workload identity pool provider: `//iam.googleapis.com/projects/NUMBER/…/providers/PROVIDER`.
    Google(String),
}

/// What the token service is told.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// Our name as OpenID Connect issuer; without, our HTTP address.
    pub issuer: Option<IssuerUrl>,
    /// Who gives the tokens.
    pub giver: Giver,
    /// Which devices may act as which service accounts.
    pub impersonation: Impersonation,
    /// Where the keys are that vouch for devices.
    pub signing_keys: SigningKeysAt,
    /// What the stand-in is told of IAM.
    #[cfg(feature = "full")]
    pub local: LocalIam,
}

/// Why the token service cannot work.
#[derive(Debug, thiserror::Error)]
pub enum TokenConfigError {
    /// Google fetches our keys only over HTTPS.
    #[error(
        "--tokens names a provider at Google, which trusts only an issuer of `https`: set --issuer to the public URL of this installation, not `{0}`"
    )]
    Plain(IssuerUrl),
    /// Our address makes no issuer URL.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// This build cannot.
    #[error(transparent)]
    LeftOut(#[from] LeftOut),
    /// The signing keys cannot be kept.
    #[error(transparent)]
    Keys(#[from] domain::PortError),
    /// Google's client cannot be made.
    #[error(transparent)]
    Google(#[from] TokensError),
    /// The stand-in's provider cannot be made.
    #[cfg(feature = "full")]
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The stand-in's bindings cannot be made.
    #[cfg(feature = "full")]
    #[error(transparent)]
    Binding(#[from] PolicyError),
    /// The local stack's IAM policy or service accounts cannot be used.
    #[cfg(feature = "full")]
    #[error(transparent)]
    Iam(#[from] LocalIamError),
    /// The stand-in cannot be made.
    #[cfg(feature = "full")]
    #[error(transparent)]
    StandIn(#[from] SetUpError),
}

/// The token service, and the stand-in it works with, if it does.
pub struct Tokens {
    /// What the token service needs.
    pub deps: Deps,
    /// To be served at the same address.
    #[cfg(feature = "full")]
    pub stand_in: Option<Arc<SecurityTokenService>>,
}

/// Connects the token service of an installation that listens at `http` and keeps its files in `data`.
pub fn connect(config: &TokenConfig, http: SocketAddr, data: &Path, ports: &Ports) -> Result<Tokens, TokenConfigError> {
    let own = format!("http://{}", reachable(http));
    let issuer_url = match &config.issuer {
        Some(given) => given.clone(),
        None => own.parse()?,
    };
    let (provider, endpoints) = match &config.giver {
        Giver::Google(_) if !issuer_url.is_https() => return Err(TokenConfigError::Plain(issuer_url)),
        Giver::Google(provider) => (provider.as_str(), TokenEndpoints::google()),
        #[cfg(feature = "full")]
        Giver::Local => (stand_in::PROVIDER, TokenEndpoints::at(&own)),
        #[cfg(not(feature = "full"))]
        Giver::Local => return Err(LeftOut::new("tokens", "local").into()),
    };
    #[cfg(feature = "full")]
    let stand_in = (config.giver == Giver::Local).then(|| stand_in::make(config, &issuer_url, http, ports)).transpose()?;
    let clock = ports.clock.clone();
    let deps = Deps {
        stores: ports.stores.clone(),
        statuses: ports.statuses.clone(),
        random: Arc::new(rand::random::<u64>),
        issuer: Arc::new(GoogleTokens::new(provider, endpoints, clock.clone())?),
        keys: config.signing_keys.open(data, clock.clone(), &ports.aws)?,
        clock,
        issuer_url,
        impersonation: Arc::new(config.impersonation.clone()),
        cache: Arc::new(TokenCache::default()),
    };
    Ok(Tokens {
        deps,
        #[cfg(feature = "full")]
        stand_in,
    })
}

/// The address at which this machine reaches itself.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// `local`, or the full resource name of a provider; the error says what is understood.
impl std::str::FromStr for Giver {
    type Err = TokensError;
    fn from_str(s: &str) -> Result<Self, TokensError> {
        match s {
            "local" => Ok(Self::Local),
            _ => infra_gcp::tokens::check_provider(s).map(|()| Self::Google(s.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_giver_is_local_or_a_provider_of_google() {
        assert_eq!("local".parse::<Giver>().unwrap(), Giver::Local);
        assert_eq!(stand_in::PROVIDER.parse::<Giver>().unwrap(), Giver::Google(stand_in::PROVIDER.into()));
        assert!("google".parse::<Giver>().unwrap_err().to_string().contains("`google` is no workload identity pool provider"));
    }

    #[test]
    fn who_listens_everywhere_reaches_itself_by_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.7:80".parse().unwrap()).to_string(), "192.0.2.7:80");
    }
}
