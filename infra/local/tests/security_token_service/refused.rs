//! What Google would refuse.

use domain::ports::SigningKeys as _;
use infra_local::security_token_service::Provider;
use serde_json::json;

use crate::town::{Town, now, provider};

#[tokio::test]
async fn claims_that_google_would_refuse_are_refused() {
    let town = Town::new().await;
    for (changes, error, says) in [
        (json!({"iss": "http://127.0.0.1:1"}), "invalid_grant", "issuer"),
        (json!({"aud": "https://example.org"}), "invalid_grant", "audience"),
        (json!({"aud": [format!("https:{}", provider())]}), "invalid_grant", "audience"),
        (json!({"iat": now() + 60}), "invalid_grant", "not yet valid"),
        (json!({"exp": now()}), "invalid_grant", "expired"),
        (json!({"exp": now() + 48 * 3600}), "invalid_grant", "the limit is 172800"),
        (json!({"exp": i64::MAX, "iat": i64::MIN}), "invalid_grant", "the limit is 172800"),
        (json!({"exp": "soon"}), "invalid_grant", "no `exp` claim"),
        (json!({"sub": null}), "invalid_grant", "google.subject"),
        (json!({"sub": "x".repeat(128)}), "invalid_grant", "128 bytes"),
        (json!({"registry": "other"}), "unauthorized_client", "attribute condition"),
        (json!({"project": "enemy"}), "unauthorized_client", "attribute condition"),
    ] {
        let mut claims = town.claims();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let (status, body) = town.form(&[], &town.signed(&claims, json!({})).await).await;
        assert_eq!((status, body["error"].as_str()), (400, Some(error)), "{changes}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains(says), "{changes}: {body}");
    }
}

#[tokio::test]
async fn signatures_are_checked_against_the_issuers_published_keys() {
    let town = Town::new().await;
    let good = town.signed(&town.claims(), json!({})).await;
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let stranger = Town::new().await;
    let kid = town.keys.current().await.unwrap().kid;
    let forged = stranger.signed(&town.claims(), json!({"kid": kid})).await;
    let unknown = stranger.signed(&town.claims(), json!({})).await;
    for (name, token, says) in [
        ("forged", forged, "signature"),
        ("unknown key", unknown, "No key"),
        ("no signature", format!("{signed}."), "signature"),
        ("other algorithm", town.signed(&town.claims(), json!({"alg": "RS256"})).await, "signature"),
        ("symmetric", town.signed(&town.claims(), json!({"alg": "HS256"})).await, "not supported"),
        ("none", town.signed(&town.claims(), json!({"alg": "none"})).await, "parsing"),
        ("no kid", town.signed(&town.claims(), json!({"kid": null})).await, "no `kid`"),
        ("nothing", String::new(), "parsing"),
        ("half", format!("{}.{signature}", &signed[..20]), "parsing"),
    ] {
        let (status, body) = town.form(&[], &token).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_grant")), "{name}: {body}");
        assert!(body["error_description"].as_str().unwrap().contains(says), "{name}: {body}");
    }
}

#[tokio::test]
async fn parameters_are_checked() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    for (name, value, error) in [
        ("grant_type", "authorization_code", "unsupported_grant_type"),
        ("audience", "//iam.googleapis.com/projects/2", "invalid_target"),
        ("scope", "", "invalid_scope"),
        ("scope", "pubsub", "invalid_scope"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt", "invalid_request"),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request", "invalid_request"),
    ] {
        let (status, body) = town.form(&[(name, value)], &subject).await;
        assert_eq!((status, body["error"].as_str()), (400, Some(error)), "{name}={value}: {body}");
    }
}

#[test]
fn a_provider_that_is_not_understood_is_not_made() {
    let make = |name: &str, mapping: &[(&str, &str)], condition: &str| Provider::new(name, "http://x", mapping, condition).err();
    let subject = [("google.subject", "assertion.sub")];
    assert!(make(&provider(), &subject, "").is_none());
    assert!(make("//iam.googleapis.com/projects/1", &subject, "").is_some());
    assert!(make(&provider(), &[("attribute.x", "assertion.x")], "").unwrap().to_string().contains("no `google.subject`"));
    assert!(make(&provider(), &[("google.groups", "assertion.x")], "").unwrap().to_string().contains("`google.groups`"));
    assert!(make(&provider(), &subject, "true").unwrap().to_string().contains("`true` is not understood"));
}
