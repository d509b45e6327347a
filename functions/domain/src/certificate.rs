//! What stands in an X.509 certificate, and which certificates a registry takes as a CA.

use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey as Spki;

use crate::credential::{NO_PEM, not_a_certificate};
use crate::{DomainError, Timestamp};

/// The readable parts of a certificate, as the API reports them (`X509CertificateDetails`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDetails {
    /// Distinguished name of the signer.
    pub issuer: String,
    /// Distinguished name of the holder.
    pub subject: String,
    /// Valid from.
    pub start: Timestamp,
    /// Valid until.
    pub expiry: Timestamp,
    /// Short name of the signature algorithm, as in `ecdsa-with-SHA256`; the object identifier when it has none.
    pub signature_algorithm: String,
    /// `RSA` or `EC`; `other` for what no device may use.
    pub public_key_type: &'static str,
    /// Bits of its key.
    key_bits: usize,
}

fn refused(why: impl std::fmt::Display) -> DomainError {
    DomainError::invalid("credentials.public_key_certificate", format!("the certificate cannot be used: {why}"))
}

impl CertificateDetails {
    /// Reads a PEM certificate. Errors name what is wrong with it.
    pub fn read(pem: &str) -> Result<Self, DomainError> {
        let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(|_| refused(NO_PEM))?;
        let certificate = pem.parse_x509().map_err(|_| refused(not_a_certificate(&pem)))?;
        let algorithm = &certificate.signature_algorithm.algorithm;
        let key = certificate.public_key().parsed().map_err(|_| refused("its public key cannot be read"))?;
        Ok(Self {
            issuer: certificate.issuer().to_string(),
            subject: certificate.subject().to_string(),
            start: Timestamp::from_secs(certificate.validity().not_before.timestamp()),
            expiry: Timestamp::from_secs(certificate.validity().not_after.timestamp()),
            signature_algorithm: oid2sn(algorithm, oid_registry()).map_or_else(|_| algorithm.to_id_string(), str::to_owned),
            public_key_type: match key {
                Spki::RSA(_) => "RSA",
                Spki::EC(_) => "EC",
                _ => "other",
            },
            key_bits: key.key_size(),
        })
    }

    /// Checks that a registry may take it as a CA at `now`: unexpired, RSA of at least 2048 bits or P-256.
    pub fn check_ca(&self, now: Timestamp) -> Result<(), DomainError> {
        if self.expiry <= now {
            return Err(refused(format!("it expired at {}, it is {now}", self.expiry)));
        }
        match (self.public_key_type, self.key_bits) {
            ("RSA", 2048..) | ("EC", 256) => Ok(()),
            ("RSA", bits) => Err(refused(format!("RSA of {bits} bits, at least 2048 are needed"))),
            ("EC", bits) => Err(refused(format!("an elliptic curve of {bits} bits, P-256 is needed"))),
            _ => Err(refused("its key is neither RSA nor P-256")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_tells_its_parts() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["ca.example".into()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let details = CertificateDetails::read(&pem).unwrap();
        assert_eq!((details.public_key_type, details.signature_algorithm.as_str()), ("EC", "ecdsa-with-SHA256"));
        assert!(details.issuer.starts_with("CN="), "{}", details.issuer);
        details.check_ca(Timestamp::from_secs(1_700_000_000)).unwrap();
        let later = Timestamp::from_secs(99_000_000_000);
        assert!(details.check_ca(later).unwrap_err().to_string().contains("it expired at"));
        assert!(CertificateDetails::read("nothing").is_err());
    }
}
