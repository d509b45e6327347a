//! # Signing keys in AWS KMS
//!
//! Keys of `ECC_NIST_P256` for `SIGN_VERIFY`, whose private halves never leave KMS. `awskms://ARN[,ARN…]`: the first signs, all
//! are published. A key in KMS has no versions, so who rotates makes another key: it is added behind the first a day before it
//! becomes the first, and the old one stays behind it for a day after. Nothing here rotates.
//!
//! Promise: what is signed is verified by the published half; every call is answered within [`CALL_LIMIT`](crate::CALL_LIMIT).
//! A public half is read once: it never changes. Source: docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use aws_config::Region;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_kms::{Client, config};
use domain::ports::SigningKeys;
use domain::token::PublicJwk;
use domain::{PortError, p256};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::Aws;
use crate::failure::Service;

const PART: &str = "signing keys";
const KMS: Service = Service {
    part: PART,
    name: "AWS KMS",
    actions: "kms:Sign and kms:GetPublicKey",
    create: "create the key (terraform/modules/aws/signing-key)",
};
/// Most keys: one signs, one is announced, the rest are over.
const MAX_KEYS: usize = 10;

/// One to ten keys of KMS by their ARNs; the first signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKeys(Vec<String>);

/// Names the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no signing keys: expected `awskms://arn:aws:kms:REGION:ACCOUNT:key/ID`, up to {MAX_KEYS} ARNs with commas between them"
)]
pub struct NotKmsKeys(String);

impl FromStr for KmsKeys {
    type Err = NotKmsKeys;
    fn from_str(url: &str) -> Result<Self, NotKmsKeys> {
        let refused = || NotKmsKeys(url.chars().take(256).flat_map(char::escape_debug).collect());
        let arns: Vec<_> = url.strip_prefix("awskms://").ok_or_else(refused)?.split(',').collect();
        let good = arns.len() <= MAX_KEYS && arns.iter().all(|arn| region(arn).is_some());
        if good { Ok(Self(arns.into_iter().map(Into::into).collect())) } else { Err(refused()) }
    }
}

/// The region in the ARN of a key.
fn region(arn: &str) -> Option<&str> {
    match arn.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", _, "kms", region, account, key] if !region.is_empty() && !account.is_empty() => {
            key.strip_prefix("key/").filter(|id| !id.is_empty()).map(|_| region)
        }
        _ => None,
    }
}

/// Signing keys in AWS KMS. Clients are made at the first use.
pub struct KmsSigningKeys {
    aws: Aws,
    keys: Vec<Key>,
}

struct Key {
    arn: String,
    client: OnceCell<Client>,
    public: OnceCell<PublicJwk>,
}

impl fmt::Debug for KmsSigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|k| &k.arn)).finish()
    }
}

impl KmsSigningKeys {
    /// The keys at `at`.
    pub fn new(aws: Aws, at: &KmsKeys) -> Self {
        let key = |arn: &String| Key { arn: arn.clone(), client: OnceCell::new(), public: OnceCell::new() };
        Self { aws, keys: at.0.iter().map(key).collect() }
    }
}

impl Key {
    async fn client(&self, aws: &Aws) -> &Client {
        let make = || async {
            let region = region(&self.arn).map(|region| Region::new(region.to_owned()));
            Client::from_conf(config::Builder::from(aws.config().await).region(region).build())
        };
        self.client.get_or_init(make).await
    }

    async fn public(&self, aws: &Aws) -> Result<&PublicJwk, PortError> {
        let read = || async {
            let answer = self.client(aws).await.get_public_key().key_id(&self.arn).send().await.map_err(|e| KMS.failed(&self.arn, &e))?;
            let der = answer.public_key().map(Blob::as_ref).unwrap_or_default();
            p256::jwk_of_spki(der)
                .map_err(|why| PortError::lasting(PART, format!("AWS KMS, `{}`: {why}; ECC_NIST_P256 is needed", self.arn)))
        };
        self.public.get_or_try_init(read).await
    }

    /// The hash goes there, not the message: KMS takes 4,096 bytes.
    async fn sign(&self, aws: &Aws, message: &[u8]) -> Result<Vec<u8>, PortError> {
        let request = self.client(aws).await.sign().key_id(&self.arn).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let request = request.message_type(MessageType::Digest).message(Blob::new(Sha256::digest(message).to_vec()));
        let answer = request.send().await.map_err(|e| KMS.failed(&self.arn, &e))?;
        let der = answer.signature().map(Blob::as_ref).unwrap_or_default();
        p256::fixed_of_der(der)
            .ok_or_else(|| PortError::passing(PART, format!("AWS KMS, `{}`: the answer is no ECDSA signature", self.arn)))
    }
}

#[async_trait]
impl SigningKeys for KmsSigningKeys {
    async fn current(&self) -> Result<PublicJwk, PortError> {
        let first = self.keys.first().ok_or_else(|| PortError::lasting(PART, "there is no key"))?;
        first.public(&self.aws).await.cloned()
    }

    async fn published(&self) -> Result<Vec<PublicJwk>, PortError> {
        let mut all = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            all.push(key.public(&self.aws).await?.clone());
        }
        Ok(all)
    }

    async fn sign(&self, kid: &str, message: &[u8]) -> Result<Vec<u8>, PortError> {
        for key in &self.keys {
            if key.public(&self.aws).await?.kid == kid {
                return key.sign(&self.aws, message).await;
            }
        }
        Err(PortError::lasting(PART, format!("no key of AWS KMS here has the name `{kid}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_arns() {
        let (one, two) = ("arn:aws:kms:eu-central-1:123456789012:key/a", "arn:aws-cn:kms:cn-north-1:1:key/b");
        assert_eq!(format!("awskms://{one},{two}").parse(), Ok(KmsKeys(vec![one.into(), two.into()])));
        assert_eq!(region(two), Some("cn-north-1"));
        for bad in ["", "awskms://", "awskms://key/a", "awskms://arn:aws:kms:r:1:alias/x", "kms://x", "awskms://arn:aws:s3:r:1:key/x"] {
            assert!(bad.parse::<KmsKeys>().unwrap_err().to_string().contains("expected `awskms://arn:aws:kms"), "{bad}");
        }
        assert!(format!("awskms://{}", [one; 11].join(",")).parse::<KmsKeys>().is_err());
    }
}
