//! An authority, a server's certificate and a client's.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// PEM files.
pub struct Certificates {
    pub ca: PathBuf,
    /// The client's.
    pub certificate: PathBuf,
    pub key: PathBuf,
    server: (PathBuf, PathBuf),
}

impl Certificates {
    pub fn in_folder(folder: &Path) -> Self {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (ca_key, mut ca) = (KeyPair::generate().unwrap(), CertificateParams::new(Vec::<String>::new()).unwrap());
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let signed = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let made = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
            (write(&format!("{name}.pem"), &certificate.pem()), write(&format!("{name}-key.pem"), &key.serialize_pem()))
        };
        let (server, (certificate, key)) = (made("server"), made("client"));
        Self { ca: write("ca.pem", &signed.pem()), certificate, key, server }
    }

    /// Of a server that asks for a certificate of the same authority.
    pub fn config(&self) -> String {
        let quoted = |path: &Path| format!("\"{}\"", path.display());
        let [certificate, key, ca] = [&self.server.0, &self.server.1, &self.ca].map(|path| quoted(path));
        format!("tls {{ cert_file: {certificate}, key_file: {key}, ca_file: {ca}, verify: true, timeout: 5 }}\n")
    }
}
