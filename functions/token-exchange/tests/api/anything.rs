//! Anything at all at both doors: an answer in the right shape, no panic, and nothing that reaches the issuer.

use proptest::prelude::*;

use crate::support::{Answer, App, DEV, percent};

/// Text that is nearly a JWT, or nothing like one.
fn token() -> impl Strategy<Value = String> {
    let part = prop_oneof!["[A-Za-z0-9_=-]{0,40}", Just("eyJhbGciOiJFUzI1NiJ9".to_owned()), "[ -~]{0,20}"];
    prop_oneof![proptest::collection::vec(part, 0..5).prop_map(|parts| parts.join(".")), "[ -~]{0,60}"]
}

/// Nearly a form: known names, broken escapes, repeats; or any bytes.
fn form() -> impl Strategy<Value = Vec<u8>> {
    let name =
        prop_oneof![Just("grant_type"), Just("subject_token"), Just("audience"), Just("resource"), Just("scope"), Just("%"), Just("")];
    let value = prop_oneof!["[ -~]{0,20}", "%[0-9a-fA-F]{0,2}", Just(percent("urn:ietf:params:oauth:grant-type:token-exchange"))];
    let pairs = proptest::collection::vec((name, value), 0..8);
    let joined = pairs.prop_map(|p| p.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&").into_bytes());
    prop_oneof![joined, proptest::collection::vec(any::<u8>(), 0..200)]
}

/// A refusal that is the caller's fault.
fn is_refusal(answer: &Answer) -> bool {
    (400..500).contains(&answer.status) && answer.body.get("error").is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_answered(jwt in token(), body in form(), as_form: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let app = App::new().await;
            let content_type = ("content-type", if as_form { "application/x-www-form-urlencoded" } else { "application/json" });
            let (stranger, owner) = (format!("Bearer {jwt}"), format!("Bearer {}", app.good()));
            let uri = format!("/v1beta1/{DEV}:generateAccessToken");
            let refused = app.send("POST", &uri, &[("authorization", &stranger), content_type], body.clone()).await;
            prop_assert!(is_refusal(&refused), "{refused:?}");
            prop_assert!(is_refusal(&app.send("POST", "/token", &[content_type], body.clone()).await));
            prop_assert!(app.issuer.shown.lock().unwrap().is_empty());
            let owned = app.send("POST", &uri, &[("authorization", &owner), content_type], body).await;
            prop_assert!(owned.status == 200 || is_refusal(&owned), "{owned:?}");
            Ok(())
        })?;
    }
}
