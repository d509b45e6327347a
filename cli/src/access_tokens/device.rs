//! The device that asks, and its JWT as the sample made it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use anyhow::{Context as _, Result};
use host::pkcs8_of_sec1;
use jsonwebtoken::{EncodingKey, Header, encode};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::json;

use super::flags::{Algorithm, DEFAULT_REGION, DeviceFlags};
use crate::error::usage;
use crate::flags::DEFAULT_PROJECT;
use crate::profile::Profile;
use crate::resource::Resource;
use crate::secret::Secret;

/// 6 hours, as the sample's; a day is the most that is taken.
const JWT_LIFE_SECS: u64 = 6 * 3600;

/// A device with its key.
#[derive(Debug)]
pub(super) struct Device {
    /// Its full name.
    pub(super) name: Resource,
    /// The project of its registry: where its topics are.
    pub(super) project: String,
    key_file: PathBuf,
    algorithm: Option<Algorithm>,
}

impl Device {
    /// From flags, variables and the profile.
    pub(super) fn read(flags: DeviceFlags, profile: &Profile) -> Result<Self> {
        let from_google = || env::var("GOOGLE_CLOUD_PROJECT").ok().filter(|p| !p.is_empty());
        let project =
            flags.project_id.or_else(|| profile.project.clone()).or_else(from_google).unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        let region = flags.cloud_region.or_else(|| profile.region.clone()).unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let missing = |flag, others| usage(format!("no {flag}: give --{flag} ID or {others}"));
        let registry = flags.registry_id.or_else(|| profile.registry.clone());
        let registry = registry.ok_or_else(|| missing("registry_id", "DRAWBRIDGE_REGISTRY, or `registry` in the profile"))?;
        let device = flags.device_id.ok_or_else(|| missing("device_id", "DRAWBRIDGE_DEVICE"))?;
        let key_file = flags.private_key_file.ok_or_else(|| {
            usage("no private key: give --private_key_file FILE or DRAWBRIDGE_PRIVATE_KEY_FILE; `drawbridge-shim keygen` makes one")
        })?;
        let place = || Resource::location(&project, &region);
        let name = Resource::device(&device, || Resource::registry(&registry, place))?;
        // A full name says the project itself.
        let project = name.segments().get(1).cloned().unwrap_or(project);
        Ok(Self { name, project, key_file, algorithm: flags.algorithm })
    }

    /// A JWT from now on.
    pub(super) fn jwt(&self) -> Result<Secret> {
        let pem = fs::read(&self.key_file).map_err(|e| usage(format!("private key {}: {e}", self.key_file.display())))?;
        let (key, algorithm) = read_key(&pem, &self.key_file)?;
        if self.algorithm.is_some_and(|given| given != algorithm) {
            let (key, name) = if algorithm == Algorithm::Es256 { ("a P-256", "ES256") } else { ("an RSA", "RS256") };
            return Err(usage(format!("{} is {key} key: give --algorithm {name}, or leave --algorithm out", self.key_file.display())));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("this machine's clock is before 1970")?.as_secs();
        let claims = json!({ "iat": now, "exp": now + JWT_LIFE_SECS, "aud": self.project });
        let header =
            Header::new(if algorithm == Algorithm::Es256 { jsonwebtoken::Algorithm::ES256 } else { jsonwebtoken::Algorithm::RS256 });
        let signed =
            encode(&header, &claims, &key).map_err(|e| usage(format!("private key {} does not sign: {e}", self.key_file.display())))?;
        Ok(signed.into())
    }
}

/// PKCS#8, SEC1 and PKCS#1: what openssl made by Cloud IoT Core's instructions.
fn read_key(pem: &[u8], path: &Path) -> Result<(EncodingKey, Algorithm)> {
    let refused =
        |what: &str| usage(format!("{} is no private key that signs: {what}; `drawbridge-shim keygen` makes one", path.display()));
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(PrivateKeyDer::Sec1(der)) => Ok((EncodingKey::from_ec_der(&pkcs8_of_sec1(der.secret_sec1_der())), Algorithm::Es256)),
        Ok(_) => EncodingKey::from_ec_pem(pem)
            .map(|key| (key, Algorithm::Es256))
            .or_else(|_| EncodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::Rs256)))
            .map_err(|_| refused("it is neither a P-256 nor an RSA key")),
        Err(_) if pem.windows(9).any(|w| w == b"ENCRYPTED") => Err(refused("it is encrypted")),
        Err(_) => Err(refused("it holds no PEM private key")),
    }
}
