//! `GET /.well-known/openid-configuration` and `GET /jwks`: what a workload identity pool provider reads.

use serde_json::json;

use crate::support::{App, NOON};

#[tokio::test]
async fn the_configuration_names_the_issuer_and_its_keys() {
    let answer = App::new().await.send("GET", "/.well-known/openid-configuration", &[], "").await;
    assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("public, max-age=3600", "application/json"));
    let configuration = answer.ok();
    assert_eq!(configuration["issuer"], "https://tokens.example.com");
    assert_eq!(configuration["jwks_uri"], "https://tokens.example.com/jwks");
    assert_eq!(configuration["token_endpoint"], "https://tokens.example.com/token");
    assert_eq!(configuration["id_token_signing_alg_values_supported"], json!(["ES256"]));
    assert_eq!(configuration["subject_types_supported"], json!(["public"]));
    assert_eq!(configuration["response_types_supported"], json!(["id_token"]));
}

#[tokio::test]
async fn the_key_set_holds_public_halves_alone_and_grows_before_a_key_turns() {
    let app = App::new().await;
    let first = app.send("GET", "/jwks", &[], "").await.ok();
    let key = first["keys"][0].as_object().unwrap();
    assert_eq!(key.keys().collect::<Vec<_>>(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(first["keys"].as_array().unwrap().len(), 1);
    app.clock.set(NOON + 29 * 86_400 + 1);
    let both = app.send("GET", "/jwks", &[], "").await.ok();
    assert_eq!((both["keys"].as_array().unwrap().len(), &both["keys"][0]), (2, &first["keys"][0]));
}
