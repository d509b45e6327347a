//! URLs that a service account's key signs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::objects::{content, upload};
use domain::objects::{ObjectName, Uploaded};
use domain::ports::ObjectStore as _;
use infra_gcp::{CloudObjects, Endpoint};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{bucket, emulator, http};

const EMAIL: &str = "files@project.iam.gserviceaccount.com";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Checks the signature as Cloud Storage does: over the request that the URL opens.
/// Source: docs.cloud.google.com/storage/docs/authentication/canonical-requests.
fn check(url: &reqwest::Url, key: &KeyPair) {
    let (query, signature) = url.query().unwrap().split_once("&X-Goog-Signature=").unwrap();
    let get = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    // The library leaves the port out; Google's address has none.
    let host = url.host_str().unwrap();
    let request = format!("GET\n{}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", url.path());
    let scope = get("X-Goog-Credential").strip_prefix(&format!("{EMAIL}/")).unwrap().to_owned();
    let text = format!("GOOG4-RSA-SHA256\n{}\n{scope}\n{}", get("X-Goog-Date"), hex(&Sha256::digest(request)));
    let signature: Vec<u8> = (0..signature.len()).step_by(2).map(|i| u8::from_str_radix(&signature[i..i + 2], 16).unwrap()).collect();
    let public = jsonwebtoken::DecodingKey::from_rsa_pem(key.public_key_pem().as_bytes()).unwrap();
    let signature = URL_SAFE_NO_PAD.encode(signature);
    assert!(jsonwebtoken::crypto::verify(&signature, text.as_bytes(), &public, jsonwebtoken::Algorithm::RS256).unwrap(), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_url_opens_one_generation_in_parts_to_whoever_has_it() {
    let bucket = bucket("signed", emulator()).await;
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let account = json!({
        "type": "service_account", "client_email": EMAIL, "private_key_id": "1", "private_key": key.serialize_pem(),
        "project_id": "project", "token_uri": "http://127.0.0.1:9/never-asked",
    });
    let objects = CloudObjects::new(Endpoint::Emulator(emulator().to_string())).signing_by(&account.to_string()).unwrap();
    let (name, bytes) = (ObjectName::try_new(&bucket, "firmware/ü 1%.bin").unwrap(), content(100_000, 1));
    let Uploaded::Stored(info) = objects.write(&name, upload(&bytes, None), None).await.unwrap() else { panic!() };
    let url = objects.sign(&name, info.generation, Duration::from_secs(900)).await.unwrap().unwrap();
    let url: reqwest::Url = url.parse().unwrap();
    check(&url, &key);
    assert!(url.query_pairs().any(|pair| pair == ("X-Goog-Expires".into(), "900".into())), "{url}");

    let part = http().get(url.clone()).header("range", "bytes=99990-").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str().unwrap()), (206, "bytes 99990-99999/100000"));
    assert_eq!(part.bytes().await.unwrap(), bytes.slice(99_990..));
    objects.write(&name, upload(&content(10, 2), None), None).await.unwrap();
    assert_eq!(http().get(url).send().await.unwrap().status(), 404, "the next generation is not what it opens");
}

#[test]
fn what_is_no_key_is_refused_without_being_repeated() {
    let refused = |text: &str| CloudObjects::new(Endpoint::Google).signing_by(text).err().unwrap().to_string();
    assert!(refused("secret").contains("it is no JSON") && !refused("secret").contains("secret"));
    assert!(refused(r#"{"type":"service_account"}"#).contains("no service account's key"));
}
