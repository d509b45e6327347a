//! Device credentials, CA certificates and service accounts.

use domain::credential::{DeviceCredential, PublicKey, PublicKeyFormat};
use domain::token::ServiceAccount;
use domain::{CertificateDetails, DomainError};

use crate::{Timestamp, pb};

/// A device's credentials as sent. Only their shape is checked; keys are checked by [`PublicKey::validate`].
pub(crate) fn device(sent: &[pb::DeviceCredential]) -> Result<Vec<DeviceCredential>, DomainError> {
    sent.iter().enumerate().map(|(place, c)| one(place, c)).collect()
}

/// The service accounts of a registry or device, each an address.
pub(crate) fn accounts(sent: &[String]) -> Result<Vec<ServiceAccount>, DomainError> {
    let read = |(place, text): (usize, &String)| {
        text.parse().map_err(|why: String| DomainError::invalid(format!("service_accounts[{place}]"), why))
    };
    sent.iter().enumerate().map(read).collect()
}

fn one(place: usize, sent: &pb::DeviceCredential) -> Result<DeviceCredential, DomainError> {
    let missing = || DomainError::invalid(format!("credentials[{place}].public_key"), "a device credential needs a public_key");
    let pb::device_credential::Credential::PublicKey(key) = sent.credential.as_ref().ok_or_else(missing)?;
    let key = PublicKey { format: format(place, key.format)?, pem: key.key.clone() };
    // Programs send back what they read, and an unset time reads as the epoch.
    let expires_at = sent.expiration_time.filter(|t| (t.seconds, t.nanos) != (0, 0)).map(Into::into);
    Ok(DeviceCredential { key, expires_at })
}

fn format(place: usize, number: i32) -> Result<PublicKeyFormat, DomainError> {
    use pb::PublicKeyFormat as Api;
    match Api::try_from(number) {
        Ok(Api::RsaX509Pem) => Ok(PublicKeyFormat::RsaX509Pem),
        Ok(Api::Es256Pem) => Ok(PublicKeyFormat::Es256Pem),
        Ok(Api::RsaPem) => Ok(PublicKeyFormat::RsaPem),
        Ok(Api::Es256X509Pem) => Ok(PublicKeyFormat::Es256X509Pem),
        Ok(Api::UnspecifiedPublicKeyFormat) | Err(_) => Err(DomainError::invalid(
            format!("credentials[{place}].public_key.format"),
            format!("public key format {number} is none of RSA_PEM, RSA_X509_PEM, ES256_PEM and ES256_X509_PEM"),
        )),
    }
}

/// A device credential as it is answered: an unset expiration time is the epoch, as Cloud IoT Core answered it.
pub(crate) fn to_device(credential: &DeviceCredential) -> pb::DeviceCredential {
    let format = match credential.key.format {
        PublicKeyFormat::RsaX509Pem => pb::PublicKeyFormat::RsaX509Pem,
        PublicKeyFormat::Es256Pem => pb::PublicKeyFormat::Es256Pem,
        PublicKeyFormat::RsaPem => pb::PublicKeyFormat::RsaPem,
        PublicKeyFormat::Es256X509Pem => pb::PublicKeyFormat::Es256X509Pem,
    };
    let key = pb::PublicKeyCredential { format: format.into(), key: credential.key.pem.clone() };
    pb::DeviceCredential {
        credential: Some(pb::device_credential::Credential::PublicKey(key)),
        expiration_time: Some(credential.expires_at.map_or(Timestamp::default(), Into::into)),
    }
}

/// A registry's CA certificates as sent: PEM texts of the one format there is. [`CertificateDetails`] checks them.
pub(crate) fn ca(sent: &[pb::RegistryCredential]) -> Result<Vec<String>, DomainError> {
    let read = |(place, sent): (usize, &pb::RegistryCredential)| {
        let refused = |text: String| DomainError::invalid(format!("credentials[{place}].public_key_certificate"), text);
        let Some(pb::registry_credential::Credential::PublicKeyCertificate(c)) = &sent.credential else {
            return Err(refused("a registry credential needs a public_key_certificate".into()));
        };
        if c.format != i32::from(pb::PublicKeyCertificateFormat::X509CertificatePem) {
            return Err(refused(format!("certificate format {} is not X509_CERTIFICATE_PEM", c.format)));
        }
        Ok(c.certificate.clone())
    };
    sent.iter().enumerate().map(read).collect()
}

/// A CA certificate as it is answered, with its readable parts.
pub(crate) fn to_ca(pem: &str) -> pb::RegistryCredential {
    let details = CertificateDetails::read(pem).ok().map(|d| pb::X509CertificateDetails {
        issuer: d.issuer,
        subject: d.subject,
        start_time: Some(d.start.into()),
        expiry_time: Some(d.expiry.into()),
        signature_algorithm: d.signature_algorithm,
        public_key_type: d.public_key_type.to_owned(),
    });
    let certificate = pb::PublicKeyCertificate {
        format: pb::PublicKeyCertificateFormat::X509CertificatePem.into(),
        certificate: pem.to_owned(),
        x509_details: details,
    };
    pb::RegistryCredential { credential: Some(pb::registry_credential::Credential::PublicKeyCertificate(certificate)) }
}
