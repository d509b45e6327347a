//! A certificate authority for one machine: whoever has no certificate yet gets TLS all the same.
//!
//! The root lives ten years in the data folder, its key with mode 0600. The server certificate names `localhost`,
//! the loopback addresses and the addresses given, and is made anew at every start.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

/// Where the three files a TLS server and its clients need are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The root that clients trust (PEM).
    pub root: PathBuf,
    /// The server's certificate chain (PEM).
    pub certificate: PathBuf,
    /// The server's private key (PEM, mode 0600).
    pub key: PathBuf,
}

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read or written.
    #[error("certificate file `{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Making or reading a certificate failed.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

const ROOT_DAYS: i64 = 3650;
/// 397 days: what public authorities are held to, and clients may demand.
const SERVER_DAYS: i64 = 397;
/// A certificate made now counts from an hour ago: devices' clocks differ.
const BACKDATED: Duration = Duration::HOUR;

/// The files in `dir`, made if they are absent, with a fresh server certificate for `localhost`, loopback and `addresses`.
pub fn ensure(dir: &Path, addresses: &[IpAddr], now: std::time::SystemTime) -> Result<Files, CertificateError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { path, source }
    };
    fs::create_dir_all(dir).map_err(at(dir))?;
    let files = Files { root: dir.join("root.pem"), certificate: dir.join("server.pem"), key: dir.join("server-key.pem") };
    let now = OffsetDateTime::from(now);
    let root_key_path = dir.join("root-key.pem");
    if !files.root.exists() {
        let (certificate, key) = make_root(now)?;
        write(&root_key_path, &key, 0o600).map_err(at(&root_key_path))?;
        write(&files.root, &certificate, 0o644).map_err(at(&files.root))?;
    }
    let root_pem = fs::read_to_string(&files.root).map_err(at(&files.root))?;
    let root_key = fs::read_to_string(&root_key_path).map_err(at(&root_key_path))?;
    let issuer = Issuer::from_ca_cert_pem(&root_pem, KeyPair::from_pem(&root_key)?)?;
    let (certificate, key) = make_server(&issuer, addresses, now)?;
    write(&files.key, &key, 0o600).map_err(at(&files.key))?;
    write(&files.certificate, &format!("{certificate}{root_pem}"), 0o644).map_err(at(&files.certificate))?;
    Ok(files)
}

fn named(common_name: &str, now: OffsetDateTime, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(days);
    params
}

fn make_root(now: OffsetDateTime) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = named("Drawbridge local root", now, ROOT_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn make_server(issuer: &Issuer<'_, KeyPair>, addresses: &[IpAddr], now: OffsetDateTime) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = named("Drawbridge", now, SERVER_DAYS);
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::from([127, 0, 0, 1])),
        SanType::IpAddress(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])),
    ];
    let routable = addresses.iter().filter(|a| !a.is_unspecified() && !a.is_loopback());
    params.subject_alt_names.extend(routable.map(|a| SanType::IpAddress(*a)));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

/// Writes beside and renames: a reader, or a crash, never meets half a file.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _absent = fs::remove_file(&beside);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_root_stays_and_keys_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let now = std::time::SystemTime::now();
        let first = ensure(dir.path(), &[], now).unwrap();
        let root = fs::read_to_string(&first.root).unwrap();
        ensure(dir.path(), &["192.0.2.7".parse().unwrap()], now).unwrap();
        assert_eq!(fs::read_to_string(&first.root).unwrap(), root);
        for key in ["server-key.pem", "root-key.pem"] {
            let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }
}
