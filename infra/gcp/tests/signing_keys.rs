//! Signing keys in Cloud KMS and Secret Manager, against a small server on loopback that really holds P-256 keys, signs with
//! them, and can fail, throttle and damage what it answers: no emulator of either exists.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, UnparsedPublicKey};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chaos_proxy::ChaosProxy;
use domain::Timestamp;
use domain::ports::{Clock, SigningKeys};
use domain::token::PublicJwk;
use infra_gcp::CloudSigningKeys;
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};

const KMS: &str = "kms://projects/p/locations/global/keyRings/r/cryptoKeys/k";
const SECRET: &str = "secret://projects/p/secrets/s";
/// 2026-11-20T12:00:00Z, when the first version was made.
const NOON: i64 = 1_795_176_000;
const DAY: i64 = 24 * 3600;
/// Within what time a call ends whatever happens, on a busy machine.
const IN_TIME: std::time::Duration = std::time::Duration::from_secs(20);

struct Hand(AtomicI64);
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// What the next answer suffers.
#[derive(Clone, PartialEq)]
enum Fault {
    Status(u16),
    /// One byte of the signature, PEM or payload is another one.
    Flip,
    /// It did not verify what was sent.
    Unverified,
    /// Another version signed.
    OtherVersion,
}

struct Version {
    pair: KeyPair,
    created: i64,
    state: &'static str,
}

/// Both services.
#[derive(Default)]
struct Google {
    versions: Mutex<Vec<Version>>,
    faults: Mutex<VecDeque<Fault>>,
    asked: Mutex<Vec<String>>,
}

impl Google {
    fn add(&self, created: i64) {
        let pair = KeyPair::generate().unwrap();
        self.versions.lock().unwrap().push(Version { pair, created, state: "ENABLED" });
    }

    fn answer(&self, path: &str, query: &str, body: &Value) -> Value {
        let fault = self.faults.lock().unwrap().pop_front();
        let versions = self.versions.lock().unwrap();
        let name = |n: usize, kind: &str| {
            format!("{}/{kind}/{}", path.trim_start_matches("/v1/").split(&format!("/{kind}")).next().unwrap(), n + 1)
        };
        let listed = |n: usize, v: &Version, kind: &str| {
            let created = Timestamp::from_secs(v.created).to_string();
            json!({"name": name(n, kind), "state": v.state, "algorithm": "EC_SIGN_P256_SHA256", "createTime": created})
        };
        let list = |kind: &str| versions.iter().enumerate().map(|(n, v)| listed(n, v, kind)).collect::<Vec<_>>();
        let of = |path: &str| path.split([':', '/']).filter_map(|part| part.parse::<usize>().ok()).next_back().unwrap() - 1;
        let (sum, flip) =
            (|bytes: &[u8]| crc32c::crc32c(bytes).to_string(), |bytes: &mut Vec<u8>| bytes[40] ^= u8::from(fault == Some(Fault::Flip)));
        if path.ends_with("/cryptoKeyVersions") {
            assert!(query.contains("filter=state%3DENABLED") || query.contains("filter=state=ENABLED"), "{query}");
            return json!({"cryptoKeyVersions": list("cryptoKeyVersions")});
        }
        if path.ends_with("/versions") {
            return json!({"versions": list("versions")});
        }
        let pair = &versions[of(path)].pair;
        if path.ends_with("/publicKey") {
            let mut pem = pair.public_key_pem().into_bytes();
            let crc = sum(&pem);
            flip(&mut pem);
            return json!({"pem": String::from_utf8(pem).unwrap(), "pemCrc32c": crc});
        }
        if path.ends_with(":access") {
            let mut data = pair.serialize_pem().into_bytes();
            let crc = sum(&data);
            flip(&mut data);
            return json!({"payload": {"data": STANDARD.encode(data), "dataCrc32c": crc}});
        }
        signed(pair, &name(of(path), "cryptoKeyVersions"), body, fault.as_ref())
    }
}

/// The answer of `asymmetricSign`.
fn signed(pair: &KeyPair, name: &str, body: &Value, fault: Option<&Fault>) -> Value {
    // JSON leaves out what is empty.
    let data = STANDARD.decode(body["data"].as_str().unwrap_or_default()).unwrap();
    let sent = body["dataCrc32c"].as_str().and_then(|sum| sum.parse().ok());
    let verified = sent == Some(crc32c::crc32c(&data)) && fault != Some(&Fault::Unverified);
    let signing = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pair.serialize_der()).unwrap();
    let mut signature = signing.sign(&SystemRandom::new(), &data).unwrap().as_ref().to_vec();
    let crc = crc32c::crc32c(&signature).to_string();
    signature[40] ^= u8::from(fault == Some(&Fault::Flip));
    let signer = if fault == Some(&Fault::OtherVersion) { "other" } else { name };
    json!({"signature": STANDARD.encode(signature), "signatureCrc32c": crc, "verifiedDataCrc32c": verified, "name": signer})
}

async fn serve(State(google): State<Arc<Google>>, request: Request) -> Response {
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    google.asked.lock().unwrap().push(path.clone());
    let failing = google.faults.lock().unwrap().front().cloned();
    if let Some(Fault::Status(status)) = failing {
        google.faults.lock().unwrap().pop_front();
        let body = json!({"error": {"code": status, "message": "told to", "status": "UNKNOWN"}});
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    Json(google.answer(&path, &query, &serde_json::from_slice(&body).unwrap_or_default())).into_response()
}

async fn served(google: Arc<Google>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new().fallback(serve).with_state(google);
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

/// The service, and a client of it for the keys at `url`.
async fn setting(url: &str) -> (Arc<Google>, CloudSigningKeys, Arc<Hand>) {
    let google = Arc::new(Google::default());
    google.add(NOON);
    let endpoint = format!("http://{}", served(google.clone()).await);
    let clock = Arc::new(Hand(AtomicI64::new(NOON + 60)));
    let keys = CloudSigningKeys::new(url.parse().unwrap(), Some(endpoint), clock.clone());
    (google, keys, clock)
}

async fn in_kms() -> (Arc<dyn SigningKeys>, ()) {
    (Arc::new(setting(KMS).await.1), ())
}

async fn in_secret_manager() -> (Arc<dyn SigningKeys>, ()) {
    (Arc::new(setting(SECRET).await.1), ())
}

mod contract_of_signing_keys_in_kms {
    contract::signing_keys_suite!(super::in_kms);
}

mod contract_of_signing_keys_in_secret_manager {
    contract::signing_keys_suite!(super::in_secret_manager);
}

/// The same over a line.
async fn over_a_line(url: &str) -> (ChaosProxy, CloudSigningKeys) {
    let (_, _, clock) = setting(url).await;
    let google = Arc::new(Google::default());
    google.add(NOON);
    let line = ChaosProxy::to(served(google).await).unwrap();
    let keys = CloudSigningKeys::new(url.parse().unwrap(), Some(format!("http://{}", line.addr())), clock);
    (line, keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_breaks_calls_fail_in_time_and_work_later() {
    for url in [KMS, SECRET] {
        let (line, keys) = over_a_line(url).await;
        for is_cut in [true, false] {
            if is_cut {
                line.cut()
            } else {
                line.black_hole()
            }
            let began = std::time::Instant::now();
            let e = keys.current().await.unwrap_err();
            assert!(e.is_retryable() && began.elapsed() < IN_TIME, "{url}, {is_cut}: {e} after {:?}", began.elapsed());
            line.restore();
        }
        let kid = keys.current().await.unwrap().kid;
        line.black_hole();
        let began = std::time::Instant::now();
        let signed = keys.sign(&kid, b"message").await;
        assert!(began.elapsed() < IN_TIME, "{url}: {:?}", began.elapsed());
        assert_eq!(signed.is_ok(), url == SECRET, "a key that was read signs here");
        line.restore();
        keys.sign(&kid, b"message").await.unwrap();
    }
}

fn verifies(public: &PublicJwk, message: &[u8], signature: &[u8]) -> bool {
    let [x, y] = [&public.x, &public.y].map(|half| URL_SAFE_NO_PAD.decode(half).unwrap());
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4][..], &x, &y].concat()).verify(message, signature).is_ok()
}

#[tokio::test]
async fn what_is_signed_verifies_by_what_is_published_and_each_key_is_read_once() {
    for url in [KMS, SECRET] {
        let (google, keys, _) = setting(url).await;
        let current = keys.current().await.unwrap();
        for n in 0..8_u8 {
            let signature = keys.sign(&current.kid, &[n; 99]).await.unwrap();
            assert!(verifies(&current, &[n; 99], &signature) && !verifies(&current, &[n + 1; 99], &signature), "{url}");
        }
        let pem = google.versions.lock().unwrap()[0].pair.subject_public_key_info();
        assert!(pem.ends_with(&URL_SAFE_NO_PAD.decode(&current.y).unwrap()), "{url}");
        assert_eq!(keys.published().await.unwrap(), [current]);
        let reads = google.asked.lock().unwrap().iter().filter(|path| !path.ends_with(":asymmetricSign")).count();
        assert_eq!(reads, 2, "{url}: one list, one key");
        assert!(keys.sign("unknown", b"").await.unwrap_err().to_string().contains("`unknown`"));
    }
}

#[tokio::test]
async fn the_next_key_is_published_a_day_before_it_signs_and_the_one_before_while_it_is_enabled() {
    for url in [KMS, SECRET] {
        let (google, keys, clock) = setting(url).await;
        google.add(NOON + 9 * DAY);
        clock.0.store(NOON + 10 * DAY - 1, Ordering::Relaxed);
        let first = keys.current().await.unwrap();
        let published = keys.published().await.unwrap();
        assert_eq!((published.len(), &published[0]), (2, &first), "{url}: announced, not signing");
        clock.0.store(NOON + 10 * DAY, Ordering::Relaxed);
        let second = keys.current().await.unwrap();
        assert_eq!(second, published[1]);
        for key in [&first, &second] {
            assert!(verifies(key, b"message", &keys.sign(&key.kid, b"message").await.unwrap()), "{url}");
        }
    }
}

#[tokio::test]
async fn disabled_versions_are_not_published_and_none_at_all_is_said() {
    for url in [KMS, SECRET] {
        let (google, keys, _) = setting(url).await;
        google.versions.lock().unwrap()[0].state = "DISABLED";
        let e = keys.current().await.unwrap_err();
        assert!(!e.is_retryable() && e.to_string().contains("no enabled version"), "{e}");
    }
}

#[tokio::test]
async fn what_was_damaged_on_the_way_is_neither_used_nor_signed() {
    let (google, keys, _) = setting(KMS).await;
    let current = keys.current().await.unwrap();
    for (fault, says) in [
        (Fault::Flip, "a signature was damaged"),
        (Fault::Unverified, "what was to be signed was damaged"),
        (Fault::OtherVersion, "other did"),
    ] {
        google.faults.lock().unwrap().push_back(fault);
        let e = keys.sign(&current.kid, b"message").await.unwrap_err().to_string();
        assert!(e.contains(says), "{e}");
    }
    assert!(keys.sign(&current.kid, b"message").await.is_ok());
    for url in [KMS, SECRET] {
        let (google, keys, _) = setting(url).await;
        // The list is not affected, the key that is read after it is.
        google.faults.lock().unwrap().extend([Fault::Unverified, Fault::Flip]);
        let e = keys.current().await.unwrap_err();
        assert!(e.is_retryable() && e.to_string().contains("was damaged on the way"), "{url}: {e}");
    }
}

#[tokio::test]
async fn a_service_that_fails_once_is_asked_again_and_one_that_refuses_is_not() {
    let (google, keys, _) = setting(KMS).await;
    google.faults.lock().unwrap().push_back(Fault::Status(503));
    let current = keys.current().await.unwrap();
    google.faults.lock().unwrap().push_back(Fault::Status(503));
    assert!(keys.sign(&current.kid, b"message").await.is_ok());
    let before = google.asked.lock().unwrap().len();
    google.faults.lock().unwrap().push_back(Fault::Status(403));
    let e = keys.sign(&current.kid, b"message").await.unwrap_err();
    assert!(!e.is_retryable(), "{e}");
    google.faults.lock().unwrap().push_back(Fault::Status(429));
    assert!(keys.sign(&current.kid, b"message").await.unwrap_err().is_retryable());
    assert_eq!(google.asked.lock().unwrap().len(), before + 2);
}
