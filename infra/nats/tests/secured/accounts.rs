//! An operator with an account for Drawbridge and one for somebody else, as `nsc` makes them: JWTs signed by Ed25519 keys,
//! each by the one above it. Source: docs.nats.io/running-a-nats-service/nats_admin/security/jwt.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// See the module.
pub struct Operator {
    pair: KeyPair,
    account: KeyPair,
    other: KeyPair,
}

/// A token that `by` signs of `subject`; without `until` it never expires.
fn token(by: &KeyPair, subject: &KeyPair, until: Option<i64>, nats: Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = json!({
        "jti": subject.public_key(), "iat": 1_600_000_000, "iss": by.public_key(), "name": "test", "sub": subject.public_key(), "nats": nats,
    });
    if let Some(until) = until {
        claims["exp"] = until.into();
    }
    let signed = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(by.sign(signed.as_bytes()).unwrap()))
}

impl Operator {
    pub fn new() -> Self {
        Self { pair: KeyPair::new_operator(), account: KeyPair::new_account(), other: KeyPair::new_account() }
    }

    /// Of a server that knows the operator and both accounts.
    pub fn config(&self) -> String {
        let operator = token(&self.pair, &self.pair, None, json!({ "type": "operator", "version": 2 }));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        });
        let entry = |account: &KeyPair| {
            let nats = json!({ "type": "account", "version": 2, "limits": limits });
            format!("  {}: {}\n", account.public_key(), token(&self.pair, account, None, nats))
        };
        let accounts = entry(&self.account) + &entry(&self.other);
        format!("operator: {operator}\nresolver: MEMORY\nresolver_preload: {{\n{accounts}}}\n")
    }

    /// The `.creds` file of a user of the account.
    pub fn user(&self) -> String {
        credentials(&self.account, None)
    }

    pub fn user_until(&self, until: i64) -> String {
        credentials(&self.account, Some(until))
    }

    pub fn user_of_another_account(&self) -> String {
        credentials(&self.other, None)
    }
}

fn credentials(account: &KeyPair, until: Option<i64>) -> String {
    let user = KeyPair::new_user();
    let jwt = token(account, &user, until, json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 }));
    let part = |what: &str, text: &str| format!("-----BEGIN {what}-----\n{text}\n------END {what}------\n\n");
    part("NATS USER JWT", &jwt) + &part("USER NKEY SEED", &user.seed().unwrap())
}
