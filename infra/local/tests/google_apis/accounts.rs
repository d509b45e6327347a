//! Service accounts that prove themselves, and faults on request.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{PUBSUB, Stack, email, here, now, send};

const PUBLISH: &str = "/v1/projects/local/topics/events:publish";

async fn stack() -> Stack {
    Stack::new(&[("admin", "roles/pubsub.publisher", here())]).await
}

async fn publishes(stack: &Stack, token: &str) -> u16 {
    stack.post(PUBLISH, token, json!({"messages": [{"data": "YQ=="}]}).to_string()).await.status
}

#[tokio::test]
async fn a_signed_word_becomes_a_token_of_an_hour() {
    let stack = stack().await;
    let account = stack.account("admin");
    for audience in [format!("{}/oauth2/token", stack.at), "https://oauth2.googleapis.com/token".into()] {
        let answer = account.ask(&account.assertion(json!({"aud": audience}))).await;
        assert_eq!((answer.status, &answer.json()["expires_in"], &answer.json()["token_type"]), (200, &json!(3600), &json!("Bearer")));
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let info = stack.get(&format!("/tokeninfo?access_token={token}"), "").await.json();
        assert_eq!((info["email"].as_str(), info["scope"].as_str()), (Some(account.email.as_str()), Some(PUBSUB)));
        assert_eq!(publishes(&stack, &token).await, 200);
    }
}

#[tokio::test]
async fn a_word_that_google_would_not_take_is_refused() {
    let stack = stack().await;
    let account = stack.account("admin");
    for (changes, says) in [
        (json!({"aud": "https://example.com/oauth2/token"}), "the audience `https://example.com/oauth2/token`"),
        (json!({"aud": null}), "the audience ``"),
        (json!({"exp": now() - 1}), "short-lived token (60 minutes)"),
        (json!({"exp": now() + 3700}), "short-lived token (60 minutes)"),
        (json!({"iat": now() + 120, "exp": now() + 600}), "reasonable timeframe"),
        (json!({"sub": "somebody@example.com"}), "`sub` is not `iss`"),
        (json!({"iss": email("unknown"), "sub": email("unknown")}), "account not found"),
        (json!({"iss": "../admin@x.y", "sub": "../admin@x.y"}), "account not found"),
        (json!({"scope": null}), "Invalid OAuth scope"),
        (json!({"scope": "everything"}), "Invalid OAuth scope"),
    ] {
        let answer = account.ask(&account.assertion(changes.clone())).await;
        let text = answer.json()["error_description"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && text.contains(says), "{changes}: {text}");
    }
}

#[tokio::test]
async fn only_a_key_of_the_folder_signs_for_an_account() {
    let stack = stack().await;
    let (account, other) = (stack.account("admin"), stack.account("other"));
    let file = stack.folder.path().join(format!("accounts/{}.pem", account.email));
    let public = std::fs::read(&file).unwrap();
    let by_other = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &account.claims(json!({})), &other.key).unwrap();
    let by_public = EncodingKey::from_secret(&public);
    let by_public = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &account.claims(json!({})), &by_public).unwrap();
    for (assertion, says) in [(by_other, "Invalid JWT Signature."), (by_public, "HS256 is not RS256"), ("x.y.z".into(), "Failed to parse")]
    {
        let answer = account.ask(&assertion).await;
        assert!(answer.status == 400 && answer.json()["error_description"].as_str().unwrap().contains(says), "{says}");
    }
    let second = stack.account("admin");
    assert_eq!(
        (account.ask(&account.assertion(json!({}))).await.status, second.ask(&second.assertion(json!({}))).await.status),
        (200, 200)
    );
    std::fs::write(&file, &public).unwrap();
    assert_eq!(second.ask(&second.assertion(json!({}))).await.status, 400, "a key that is taken back counts no more");
}

#[tokio::test]
async fn a_self_signed_jwt_opens_the_service_of_its_audience_alone() {
    let stack = stack().await;
    let account = stack.account("admin");
    for (changes, status) in [
        (json!({"aud": "https://pubsub.googleapis.com/", "scope": null}), 200),
        (json!({"aud": null, "scope": PUBSUB}), 200),
        (json!({"aud": null, "scope": "https://www.googleapis.com/auth/cloudiot"}), 403),
        (json!({"aud": null, "scope": null}), 401),
        (json!({"aud": "https://storage.googleapis.com/", "scope": PUBSUB}), 401),
        (json!({"aud": "https://pubsub.googleapis.com/", "exp": now() + 7200}), 401),
        (json!({"aud": "https://pubsub.googleapis.com/", "exp": now()}), 401),
    ] {
        assert_eq!(publishes(&stack, &account.assertion(changes.clone())).await, status, "{changes}");
    }
    let without_role = stack.account("other");
    assert_eq!(publishes(&stack, &without_role.assertion(json!({"aud": "https://pubsub.googleapis.com/"}))).await, 403);
}

#[tokio::test]
async fn faults_are_asked_for_over_http() {
    const FAULTS: &str = "/v1/tokenServiceFaults";
    let stack = stack().await;
    let account = stack.account("admin");
    let wish = async |wish: Value| stack.post(FAULTS, "", wish.to_string()).await;
    assert_eq!(wish(json!({"fault": "throttle", "retryAfterSecs": 7, "times": 2})).await.json()["waiting"], 2);
    let throttled = account.ask(&account.assertion(json!({}))).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, "7"));
    assert_eq!(send(stack.request("DELETE", FAULTS, "")).await.json()["waiting"], 0);
    assert_eq!(account.ask(&account.assertion(json!({}))).await.status, 200);
    wish(json!({"fault": "refuse"})).await;
    assert_eq!(account.ask(&account.assertion(json!({}))).await.status, 403);
    wish(json!({"fault": "stall", "stallMillis": 300})).await;
    let start = std::time::Instant::now();
    assert_eq!(account.ask(&account.assertion(json!({}))).await.status, 200);
    assert!(start.elapsed().as_millis() >= 300);
    for (bad, says) in [
        (json!({"fault": "explode"}), "unknown variant `explode`"),
        (json!({"fault": "stall"}), "stall needs stallMillis"),
        (json!({"fault": "fail", "status": 200}), "status 200 is not between 400 and 599"),
        (json!({"fault": "refuse", "times": 1001}), "times 1001 is not between 1 and 1000"),
        (json!({"fault": "refuse", "time": 1}), "unknown field `time`"),
    ] {
        let answer = wish(bad).await;
        assert!(answer.status == 400 && answer.json()["error"]["message"].as_str().unwrap().contains(says), "{says}");
    }
    assert_eq!(stack.get(FAULTS, "").await.json()["waiting"], 0);
}
