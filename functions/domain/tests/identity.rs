//! Who is let in and who is not, with real keys and real signatures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::identity::UnverifiedJwt;
use domain::registry::LogLevel;
use domain::{DeviceCredential, PublicKey, PublicKeyFormat, Refusal, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use protocol::ProjectId;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

fn project() -> ProjectId {
    "proj".parse().unwrap()
}

struct Key {
    pair: KeyPair,
    algorithm: Algorithm,
}

impl Key {
    fn ec() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), algorithm: Algorithm::ES256 }
    }

    fn rsa() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), algorithm: Algorithm::RS256 }
    }

    fn raw(&self) -> PublicKey {
        let format = if self.algorithm == Algorithm::ES256 { PublicKeyFormat::Es256Pem } else { PublicKeyFormat::RsaPem };
        PublicKey { format, pem: self.pair.public_key_pem() }
    }

    fn x509(&self) -> PublicKey {
        let format = if self.algorithm == Algorithm::ES256 { PublicKeyFormat::Es256X509Pem } else { PublicKeyFormat::RsaX509Pem };
        PublicKey { format, pem: CertificateParams::default().self_signed(&self.pair).unwrap().pem() }
    }

    fn encoding(&self) -> EncodingKey {
        let der = self.pair.serialize_der();
        if self.algorithm == Algorithm::ES256 {
            EncodingKey::from_ec_der(&der)
        } else {
            EncodingKey::from_rsa_pem(self.pair.serialize_pem().as_bytes()).unwrap()
        }
    }

    fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &self.encoding()).unwrap()
    }
}

fn claims() -> Value {
    json!({"aud": "proj", "iat": NOW - 60, "exp": NOW + 3600})
}

fn device(keys: &[PublicKey]) -> Device {
    let credentials = keys.iter().map(|key| DeviceCredential { key: key.clone(), expires_at: None }).collect();
    let key = DeviceKey { registry: "projects/proj/locations/l/registries/reg".parse().unwrap(), id: "dev".parse().unwrap() };
    let (metadata, gateway) = (Default::default(), GatewaySettings::default());
    Device { key, num_id: 1, credentials, blocked: false, metadata, log_level: LogLevel::Unspecified, gateway, service_accounts: vec![] }
}

fn verify(token: &str, device: Option<Device>) -> Result<Timestamp, Refusal> {
    UnverifiedJwt::parse(token)?.verify(&project(), device, now()).map(|v| v.expires_at())
}

#[test]
fn every_kind_of_key_verifies_its_own_signature_and_no_other() {
    let keys = [Key::ec(), Key::rsa(), Key::ec()];
    for key in &keys {
        let token = key.sign(&claims());
        for public in [key.raw(), key.x509()] {
            assert_eq!(verify(&token, Some(device(&[public]))), Ok(Timestamp::from_secs(NOW + 3600 + 600)));
        }
        let others: Vec<_> = keys.iter().filter(|k| k.raw() != key.raw()).map(Key::raw).collect();
        assert_eq!(verify(&token, Some(device(&others))), Err(Refusal::UnknownDeviceOrKey));
        assert!(verify(&token, Some(device(&[others[0].clone(), others[1].clone(), key.x509()]))).is_ok(), "every credential is tried");
    }
}

#[test]
fn an_expired_credential_is_ignored() {
    let key = Key::ec();
    let mut device = device(&[key.raw()]);
    device.credentials[0].expires_at = Some(now());
    assert_eq!(verify(&key.sign(&claims()), Some(device.clone())), Err(Refusal::UnknownDeviceOrKey));
    device.credentials[0].expires_at = Some(Timestamp::from_secs(NOW + 1));
    assert!(verify(&key.sign(&claims()), Some(device)).is_ok());
}

#[test]
fn dates_are_tolerated_by_ten_minutes_and_not_by_eleven() {
    let key = Key::ec();
    let with =
        |iat: i64, exp: i64| verify(&key.sign(&json!({"aud": "proj", "iat": NOW + iat, "exp": NOW + exp})), Some(device(&[key.raw()])));
    assert!(with(-3600, -599).is_ok());
    assert!(matches!(with(-3600, -601), Err(Refusal::Expired { .. })));
    assert!(with(600, 3600).is_ok());
    let fast = with(660, 3600).unwrap_err();
    assert!(matches!(fast, Refusal::NotYetValid { .. }));
    assert!(fast.to_string().contains("11 minutes ahead of the server's time 2027-01-15T08:00:00Z"), "{fast}");
    assert!(with(0, 24 * 3600 + 600).is_ok());
    assert!(matches!(with(0, 24 * 3600 + 601), Err(Refusal::Lifetime { life_secs: 87_001, .. })));
    assert!(matches!(with(60, 0), Err(Refusal::Lifetime { .. })), "a token that expires before it is issued");
    assert!(with(0, i64::MAX / 2_000_000).is_err(), "a huge exp does not overflow");
}

#[test]
fn a_token_for_another_project_is_refused_before_its_dates_are_looked_at() {
    let key = Key::ec();
    let token = key.sign(&json!({"aud": "other", "iat": 0, "exp": 1}));
    assert_eq!(verify(&token, None), Err(Refusal::Audience { aud: "other".into(), project: project() }));
}

/// An attack: its name, the token, and the refusal it must meet.
type Attack = (&'static str, String, fn(&Refusal) -> bool);

fn part(v: &Value) -> String {
    URL_SAFE_NO_PAD.encode(v.to_string())
}

fn unsigned(header: &Value) -> String {
    format!("{}.{}.", part(header), part(&claims()))
}

/// Forged with what an attacker has: the public keys, and a good token.
fn forgeries(ec: &Key, rsa: &Key, good: &str) -> Vec<Attack> {
    let hs256 = |secret: &PublicKey| {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(secret.pem.as_bytes())).unwrap()
    };
    let [_, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let swapped = format!("{}.{body}.{signature}", part(&json!({"alg": "RS256"})));
    let zeros = format!("{}{}", unsigned(&json!({"alg": "ES256"})), URL_SAFE_NO_PAD.encode([0; 64]));
    vec![
        ("alg none", unsigned(&json!({"alg": "none"})), |r| matches!(r, Refusal::Algorithm(_))),
        ("alg nOnE", unsigned(&json!({"alg": "nOnE"})), |r| matches!(r, Refusal::Algorithm(_))),
        ("HS256 with the RSA public key as secret", hs256(&rsa.raw()), |r| matches!(r, Refusal::Algorithm(_))),
        ("HS256 with the EC public key as secret", hs256(&ec.raw()), |r| matches!(r, Refusal::Algorithm(_))),
        ("ES256 signature under an RS256 header", swapped, |r| matches!(r, Refusal::UnknownDeviceOrKey)),
        ("no signature", unsigned(&json!({"alg": "ES256"})), |r| matches!(r, Refusal::UnknownDeviceOrKey)),
        ("zeros for a signature (CVE-2022-21449)", zeros, |r| matches!(r, Refusal::UnknownDeviceOrKey)),
    ]
}

/// What is not a token, or not one we read.
fn malformed(good: &str) -> Vec<Attack> {
    let twice = URL_SAFE_NO_PAD.encode(r#"{"aud":"proj","iat":1,"exp":2,"exp":1900000000}"#);
    let is_malformed: fn(&Refusal) -> bool = |r| matches!(r, Refusal::Malformed(_));
    vec![
        ("a claim twice", format!("{}.{twice}.AAAA", part(&json!({"alg": "ES256"}))), is_malformed),
        ("critical extension", unsigned(&json!({"alg": "ES256", "crit": ["b64"]})), is_malformed),
        ("two parts", "a.b".into(), is_malformed),
        ("four parts", format!("{good}.x"), is_malformed),
        ("nine kilobytes", "a".repeat(9000), is_malformed),
        ("nothing", String::new(), is_malformed),
    ]
}

#[test]
fn attacks_on_the_token_are_refused_line_by_line() {
    let (ec, rsa) = (Key::ec(), Key::rsa());
    let registered = device(&[ec.raw(), rsa.raw()]);
    let good = ec.sign(&claims());
    for (name, token, is_expected) in forgeries(&ec, &rsa, &good).into_iter().chain(malformed(&good)) {
        let refusal = verify(&token, Some(registered.clone())).expect_err(name);
        assert!(is_expected(&refusal), "{name}: {refusal}");
    }
    let mut flipped = good.clone().into_bytes();
    let at = good.find('.').unwrap() + 5;
    flipped[at] ^= 1;
    assert!(verify(&String::from_utf8(flipped).unwrap(), Some(registered.clone())).is_err(), "a changed claim");
    assert!(verify(&good, Some(registered)).is_ok(), "the unchanged token is good");
}

#[test]
fn padding_that_cloud_iot_core_forgave_is_forgiven() {
    let key = Key::ec();
    let padded = |v: Value| URL_SAFE.encode(v.to_string());
    let signed = format!("{}.{}", padded(json!({"alg": "ES256"})), padded(claims()));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.encoding(), Algorithm::ES256).unwrap();
    assert!(verify(&format!("{signed}.{signature}=="), Some(device(&[key.raw()]))).is_ok());
}

#[test]
fn strangers_learn_nothing_and_owners_learn_that_they_are_blocked() {
    let key = Key::ec();
    let mut blocked = device(&[key.raw()]);
    blocked.blocked = true;
    let stranger = Key::ec().sign(&claims());
    let unknown = verify(&stranger, None).unwrap_err().to_string();
    assert_eq!(verify(&stranger, Some(blocked.clone())).unwrap_err().to_string(), unknown);
    assert_eq!(verify(&key.sign(&claims()), Some(blocked)), Err(Refusal::Blocked));
}

#[test]
fn keys_that_cloud_iot_core_refused_are_refused_with_the_reason() {
    let refused = |format, pem: String| PublicKey { format, pem }.validate(&[], now()).unwrap_err().to_string();
    let (ec, rsa) = (Key::ec(), Key::rsa());
    assert!(ec.raw().validate(&[], now()).is_ok() && rsa.raw().validate(&[], now()).is_ok());
    assert!(ec.x509().validate(&[], now()).is_ok() && rsa.x509().validate(&[], now()).is_ok());
    for (format, pem, says) in [
        (PublicKeyFormat::Es256Pem, rsa.raw().pem, "its type does not fit the format ES256_PEM"),
        (PublicKeyFormat::RsaPem, ec.raw().pem, "its type does not fit the format RSA_PEM"),
        (PublicKeyFormat::RsaX509Pem, ec.x509().pem, "its type does not fit the format RSA_X509_PEM"),
        (PublicKeyFormat::Es256X509Pem, ec.raw().pem, "its PEM block, labelled `PUBLIC KEY`, is not an X.509 certificate"),
        (PublicKeyFormat::Es256Pem, "not a key".into(), "it is not PEM"),
        (
            PublicKeyFormat::Es256Pem,
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".into(),
            "its PEM block holds no key of the format ES256_PEM",
        ),
    ] {
        let text = refused(format, pem);
        assert!(text.starts_with("the public key cannot be used: ") && text.contains(says), "{text}");
    }
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let text = refused(PublicKeyFormat::Es256Pem, p384.public_key_pem());
    assert!(text.contains("384"), "{text}");
    let private = refused(PublicKeyFormat::Es256Pem, ec.pair.serialize_pem());
    assert!(!private.contains(&ec.pair.serialize_pem()), "a private key sent by mistake is not repeated");
}

#[test]
fn a_registry_with_an_authority_takes_only_what_it_signed() {
    let (ca_key, device_key) = (Key::ec(), Key::ec());
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key.pair).unwrap().pem();
    let issuer = rcgen::Issuer::from_params(&ca, &ca_key.pair);
    let signed = CertificateParams::default().signed_by(&device_key.pair, &issuer).unwrap().pem();
    let cas = std::slice::from_ref(&ca_pem);
    let check = |pem: &str| PublicKey { format: PublicKeyFormat::Es256X509Pem, pem: pem.into() }.validate(cas, now());
    assert!(check(&signed).is_ok());
    assert!(check(&device_key.x509().pem).unwrap_err().to_string().contains("not signed by any"));
    assert!(check(&ca_pem).unwrap_err().to_string().contains("CA certificate itself"));
    assert!(device_key.raw().validate(cas, now()).unwrap_err().to_string().contains("must be a certificate"));
}
