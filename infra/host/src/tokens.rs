//! With what the token service works: Google's token services, or the stand-in for them at our own address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ports::{Clock, SigningKeys};
use infra_aws::signing_keys::NotKmsKeys;
use infra_aws::{Aws, KmsKeys, KmsSigningKeys};
use infra_gcp::signing_keys::{CloudSigningKeys, KeysAt, NotKeys};
use infra_gcp::tokens::TokensError;
use infra_gcp::{GoogleTokens, TokenEndpoints};
use infra_local::security_token_service::{Binding, PolicyError, Provider, ProviderError, SetUpError};
use infra_local::{FileSigningKeys, SecurityTokenService};
use token_exchange::{Deps, Impersonation, IssuerError, IssuerUrl, TokenCache};

use crate::connect::Ports;
use crate::local_stack::{LocalIam, LocalIamError};

/// The provider of the stand-in.
const LOCAL_PROVIDER: &str = "//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/providers/devices";
/// The keys that subject tokens are signed with, in the data folder.
const KEYS_FILE: &str = "signing-keys.json";

/// Who gives the access tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// The stand-in at our own address: its tokens open nothing at Google.
    Local,
    /// Google, by this workload identity pool provider: `//iam.googleapis.com/projects/NUMBER/…/providers/PROVIDER`.
    Google(String),
}

/// Where the keys are that vouch for devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SigningKeysAt {
    /// `signing-keys.json` in the data folder.
    #[default]
    Data,
    /// This file; for one process.
    File(PathBuf),
    /// Cloud KMS or Secret Manager, with the credentials of the environment the process runs in.
    Google(KeysAt),
    /// AWS KMS, with the credentials of the environment the process runs in.
    Aws(KmsKeys),
}

/// `file:PATH`, `kms://projects/…/cryptoKeys/K`, `secret://projects/P/secrets/S` or `awskms://ARN`.
impl std::str::FromStr for SigningKeysAt {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s.strip_prefix("file:") {
            Some("") => Err("`file:` names no file".into()),
            Some(path) => Ok(Self::File(path.into())),
            None if s.starts_with("awskms:") => s.parse().map(Self::Aws).map_err(|e: NotKmsKeys| e.to_string()),
            None => s.parse().map(Self::Google).map_err(|e: NotKeys| format!("{e} or `file:PATH` or `awskms://ARN`")),
        }
    }
}

impl SigningKeysAt {
    fn open(&self, data: &Path, clock: Arc<dyn Clock>, aws: &Aws) -> Result<Arc<dyn SigningKeys>, domain::PortError> {
        let file = match self {
            Self::Google(at) => return Ok(Arc::new(CloudSigningKeys::new(at.clone(), None, clock))),
            Self::Aws(at) => return Ok(Arc::new(KmsSigningKeys::new(aws.clone(), at))),
            Self::File(path) => path.clone(),
            Self::Data => data.join(KEYS_FILE),
        };
        Ok(Arc::new(FileSigningKeys::open(&file, clock)?))
    }
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
    /// The signing keys cannot be kept.
    #[error(transparent)]
    Keys(#[from] domain::PortError),
    /// Google's client cannot be made.
    #[error(transparent)]
    Google(#[from] TokensError),
    /// The stand-in's provider cannot be made.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The stand-in's bindings cannot be made.
    #[error(transparent)]
    Binding(#[from] PolicyError),
    /// The local stack's IAM policy or service accounts cannot be used.
    #[error(transparent)]
    Iam(#[from] LocalIamError),
    /// The stand-in cannot be made.
    #[error(transparent)]
    StandIn(#[from] SetUpError),
}

/// The token service, and the stand-in it works with, if it does.
pub struct Tokens {
    /// What the token service needs.
    pub deps: Deps,
    /// To be served at the same address.
    pub stand_in: Option<Arc<SecurityTokenService>>,
}

/// Connects the token service of an installation that listens at `http` and keeps its files in `data`.
pub fn connect(config: &TokenConfig, http: SocketAddr, data: &Path, ports: &Ports) -> Result<Tokens, TokenConfigError> {
    let own = format!("http://{}", reachable(http));
    let issuer_url = match &config.issuer {
        Some(given) => given.clone(),
        None => own.parse()?,
    };
    let (provider, endpoints, stand_in) = match &config.giver {
        Giver::Google(_) if !issuer_url.is_https() => return Err(TokenConfigError::Plain(issuer_url)),
        Giver::Google(provider) => (provider.as_str(), TokenEndpoints::google(), None),
        Giver::Local => (LOCAL_PROVIDER, TokenEndpoints::at(&own), Some(stand_in(config, &issuer_url, http, ports)?)),
    };
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
    Ok(Tokens { deps, stand_in })
}

/// Whoever may act as an account by our list may do so at the stand-in; at Google, IAM says.
fn stand_in(
    config: &TokenConfig,
    issuer: &IssuerUrl,
    http: SocketAddr,
    ports: &Ports,
) -> Result<Arc<SecurityTokenService>, TokenConfigError> {
    let provider = Provider::new(LOCAL_PROVIDER, issuer.as_str(), &Provider::DEVICE_MAPPING, "")?;
    let member = |name: &str| {
        let (kind, id) = match name.rsplit_once("/devices/") {
            Some((_, device)) => ("device", device),
            None => ("registry", name.rsplit('/').next().unwrap_or_default()),
        };
        format!("principalSet://{}/attribute.{kind}/{id}", provider.pool())
    };
    let mut policy = config.local.policy(config, http, provider.pool())?;
    for (name, account) in config.impersonation.allowances() {
        policy = policy.and(Binding::new(account.as_str(), &member(name))?);
    }
    let (accounts, base) = (config.local.accounts()?, format!("http://{}", reachable(http)));
    Ok(SecurityTokenService::with_accounts(provider, policy, accounts, base, ports.clock.clone())?)
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
        assert_eq!(LOCAL_PROVIDER.parse::<Giver>().unwrap(), Giver::Google(LOCAL_PROVIDER.into()));
        assert!("google".parse::<Giver>().unwrap_err().to_string().contains("`google` is no workload identity pool provider"));
    }

    #[test]
    fn signing_keys_are_in_a_file_or_at_google() {
        assert_eq!("file:/k.json".parse::<SigningKeysAt>().unwrap(), SigningKeysAt::File("/k.json".into()));
        let kms = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        assert_eq!(format!("kms://{kms}").parse::<SigningKeysAt>().unwrap(), SigningKeysAt::Google(KeysAt::Kms(kms.into())));
        for bad in ["file:", "kms://x", "vault://x"] {
            assert!(bad.parse::<SigningKeysAt>().unwrap_err().contains('`'), "{bad}");
        }
    }

    #[test]
    fn who_listens_everywhere_reaches_itself_by_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
        assert_eq!(reachable("192.0.2.7:80".parse().unwrap()).to_string(), "192.0.2.7:80");
    }
}
