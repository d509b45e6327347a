//! Where the keys are that vouch for devices.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use domain::ports::{Clock, SigningKeys};
use infra_aws::signing_keys::NotKmsKeys;
use infra_aws::{Aws, KmsKeys, KmsSigningKeys};
#[cfg(feature = "full")]
use infra_gcp::signing_keys::{CloudSigningKeys, KeysAt, NotKeys};

use super::TokenConfigError;
#[cfg(not(feature = "full"))]
use crate::left_out::LeftOut;

/// The keys that subject tokens are signed with, in the data folder.
#[cfg(feature = "full")]
const FILE: &str = "signing-keys.json";

/// Where the keys are that vouch for devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SigningKeysAt {
    /// `signing-keys.json` in the data folder.
    #[default]
    Data,
    /// This file; for one process.
    File(PathBuf),
    /// Cloud KMS or Secret Manager, with the credentials of the environment the process runs in.
    #[cfg(feature = "full")]
    Google(KeysAt),
    /// AWS KMS, with the credentials of the environment the process runs in.
    Aws(KmsKeys),
}

/// `file:PATH`, `kms://projects/…/cryptoKeys/K`, `secret://projects/P/secrets/S` or `awskms://ARN`.
impl FromStr for SigningKeysAt {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s.split_once(':') {
            Some(("file", "")) => Err("`file:` names no file".into()),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("awskms", _)) => s.parse().map(Self::Aws).map_err(|e: NotKmsKeys| e.to_string()),
            #[cfg(feature = "full")]
            _ => s.parse().map(Self::Google).map_err(|e: NotKeys| format!("{e} or `file:PATH` or `awskms://ARN`")),
            #[cfg(not(feature = "full"))]
            Some((scheme @ ("kms" | "secret"), _)) => Err(LeftOut::new("signing keys", scheme).to_string()),
            #[cfg(not(feature = "full"))]
            _ => Err("expected `awskms://ARN`".into()),
        }
    }
}

impl SigningKeysAt {
    /// Whether every process that is told the same has the same keys.
    pub(crate) fn are_shared(&self) -> bool {
        !matches!(self, Self::Data | Self::File(_))
    }

    #[cfg(feature = "full")]
    pub(super) fn open(&self, data: &Path, clock: Arc<dyn Clock>, aws: &Aws) -> Result<Arc<dyn SigningKeys>, TokenConfigError> {
        let file = match self {
            Self::Google(at) => return Ok(Arc::new(CloudSigningKeys::new(at.clone(), None, clock))),
            Self::Aws(at) => return Ok(Arc::new(KmsSigningKeys::new(aws.clone(), at))),
            Self::File(path) => path.clone(),
            Self::Data => data.join(FILE),
        };
        Ok(Arc::new(infra_local::FileSigningKeys::open(&file, clock)?))
    }

    #[cfg(not(feature = "full"))]
    pub(super) fn open(&self, _: &Path, _: Arc<dyn Clock>, aws: &Aws) -> Result<Arc<dyn SigningKeys>, TokenConfigError> {
        match self {
            Self::Aws(at) => Ok(Arc::new(KmsSigningKeys::new(aws.clone(), at))),
            Self::File(_) | Self::Data => Err(LeftOut::new("signing keys", "file").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_keys_are_in_a_file_or_at_google() {
        assert_eq!("file:/k.json".parse::<SigningKeysAt>().unwrap(), SigningKeysAt::File("/k.json".into()));
        let kms = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        assert_eq!(format!("kms://{kms}").parse::<SigningKeysAt>().unwrap(), SigningKeysAt::Google(KeysAt::Kms(kms.into())));
        for bad in ["file:", "kms://x", "vault://x"] {
            assert!(bad.parse::<SigningKeysAt>().unwrap_err().contains('`'), "{bad}");
        }
    }
}
