//! `drawbridge-shim keygen`: the private key is made here and never leaves.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rcgen::{CertificateParams, DnType, KeyPair};

use crate::cli::{self, KeyAlgorithm, KeygenOptions};

/// Only its owner reads a private key.
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// Why no key pair was made.
#[derive(Debug, thiserror::Error)]
pub enum KeygenError {
    /// A file of that name exists.
    #[error("{0} exists and is not overwritten: a lost private key cannot be made again. Move it away, or choose another --out")]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key cannot be made.
    #[error("the key cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

/// What was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// PKCS#8 PEM, mode 0600.
    pub private_key: PathBuf,
    /// SPKI PEM, or the certificate.
    pub public: PathBuf,
    /// The `format` that a registry wants for it.
    pub format: &'static str,
}

/// Makes a key pair. Nothing is overwritten: not the private key and not the public one.
///
/// # Errors
/// [`KeygenError`]; no private key is left behind without its public half.
pub fn keygen(options: &KeygenOptions) -> Result<Made, KeygenError> {
    let key = KeyPair::generate_for(match options.algorithm {
        KeyAlgorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyAlgorithm::Rs256 => &rcgen::PKCS_RSA_SHA256,
    })?;
    let (ending, public) = if options.x509 { ("crt.pem", certificate(&key, options.days)?) } else { ("pub.pem", key.public_key_pem()) };
    let format = match (options.algorithm, options.x509) {
        (KeyAlgorithm::Es256, false) => "ES256_PEM",
        (KeyAlgorithm::Es256, true) => "ES256_X509_PEM",
        (KeyAlgorithm::Rs256, false) => "RSA_PEM",
        (KeyAlgorithm::Rs256, true) => "RSA_X509_PEM",
    };
    let base = if options.out.is_dir() { options.out.join("device") } else { options.out.clone() };
    let made = Made { private_key: with_ending(&base, "key.pem"), public: with_ending(&base, ending), format };
    if made.public.exists() {
        return Err(KeygenError::Exists(made.public));
    }
    write_new(&made.private_key, &key.serialize_pem(), PRIVATE_MODE)?;
    write_new(&made.public, &public, PUBLIC_MODE)?;
    Ok(made)
}

/// Self-signed, with the subject of Google's own instructions: the registry looks at the key only.
fn certificate(key: &KeyPair, days: u32) -> Result<String, KeygenError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "unused");
    // A day early: a device whose clock is slow still makes a certificate that is valid now.
    let now = std::time::SystemTime::now();
    params.not_before = (now - std::time::Duration::from_secs(86_400)).into();
    params.not_after = (now + std::time::Duration::from_secs(86_400 * u64::from(days))).into();
    Ok(params.self_signed(key)?.pem())
}

fn with_ending(base: &Path, ending: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}

/// `O_EXCL`: whoever makes the file first, makes it.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), KeygenError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeygenError::Exists(path.into()),
        _ => KeygenError::Write { path: path.into(), source },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// `drawbridge-shim keygen`.
#[must_use]
pub fn main(options: &KeygenOptions) -> ExitCode {
    match keygen(options) {
        Ok(made) => cli::print(&next_step(&made)),
        Err(error) => cli::fail(1, &error),
    }
}

fn next_step(made: &Made) -> String {
    let (private, public, format) = (made.private_key.display(), made.public.display(), made.format);
    format!(
        "Private key   {private} (mode 0600; it never leaves this device: set it as `private_key`)
Public half   {public} ({format})

Register the device with it (DRAWBRIDGE is the address of your registry, TOKEN an access token for it):
  jq -n --rawfile key {public} '{{id: \"my-device\", credentials: [{{publicKey: {{format: \"{format}\", key: $key}}}}]}}' |
  curl --fail-with-body -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' -d @- \\
    \"$DRAWBRIDGE/v1/projects/my-project/locations/us-central1/registries/my-registry/devices\"
"
    )
}
