//! An installation of one machine with everything in memory or in one folder, and what its devices sign.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use host::connect::{Emulators, NatsFiles, Urls};
use host::local_stack::LocalIam;
use host::tokens::{Giver, SigningKeysAt, TokenConfig};
use host::up::{AdminToken, Config};
use host::{Impersonation, PubSubOrdering};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

/// On free ports, with project `local` and administrator's token `admin`.
pub fn config(data: &Path, tokens: TokenConfig) -> Config {
    let any = "127.0.0.1:0".parse().unwrap();
    let folder = |name: &str| data.join(name).display().to_string();
    Config {
        http: any,
        mqtt: any,
        mqtts: any,
        metrics: None,
        certificate: None,
        data: data.to_owned(),
        project: "local".parse().unwrap(),
        admin_token: Some(AdminToken::new("admin")),
        ready_file: None,
        urls: Urls {
            records: "memory:".into(),
            publisher: Some(format!("log:{}", folder("topics"))),
            objects: Some(format!("folder:{}", folder("objects"))),
            commands: "local:".into(),
            nats: NatsFiles::default(),
            emulators: Emulators::default(),
            ordering: PubSubOrdering::Device,
        },
        tokens,
    }
}

/// Tokens of the stand-in, and whom devices may act as.
pub fn tokens(impersonation: &str, local: LocalIam) -> TokenConfig {
    let impersonation = impersonation.parse::<Impersonation>().unwrap();
    TokenConfig { issuer: None, giver: Giver::Local, impersonation, signing_keys: SigningKeysAt::default(), local }
}

/// The policy of a laptop.
pub fn iam() -> LocalIam {
    LocalIam { project: Some("local".parse().unwrap()), ..LocalIam::default() }
}

/// A device of this id and key, as the registry's API takes it.
pub fn device(id: &str, key: &KeyPair) -> Value {
    json!({"id": id, "credentials": [{"publicKey": {"format": "ES256_PEM", "key": key.public_key_pem()}}]})
}

/// A device's token for an hour from now.
pub fn jwt(key: &KeyPair) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), &json!({"aud": "local", "iat": now, "exp": now + 3600}), &key).unwrap()
}

/// Status and JSON of an answer.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// A token exchange of RFC 8693 as a form: the device's full name, its token and the scope.
pub fn exchange(device: &str, token: &str, scope: &str) -> String {
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("audience", device),
        ("scope", scope),
    ];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
