//! Publishing, and topics.

use infra_local::security_token_service::policy;
use infra_local::topic_log::TopicReader;
use serde_json::json;

use crate::support::{PUBSUB, STORAGE, Stack, here};

const TOPIC: &str = "/v1/projects/local/topics/events";

async fn stack() -> Stack {
    Stack::new(&[("publisher", "roles/pubsub.publisher", policy::topic("local", "events")), ("editor", "roles/pubsub.editor", here())])
        .await
}

#[tokio::test]
async fn what_is_published_is_in_the_topic_log_with_its_attributes() {
    let stack = stack().await;
    let token = stack.token("publisher", PUBSUB).await;
    let body = json!({"messages": [{"data": "AP8-"}, {"data": "YQ", "attributes": {"k": "v"}, "orderingKey": "o"}, {"attributes": {"only": "1"}}]});
    let answer = stack.post(&format!("{TOPIC}:publish"), &token, body.to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"messageIds": ["0", "1", "2"]})));
    let mut reader = TopicReader::new(&stack.topics(), &"projects/local/topics/events".parse().unwrap(), 0);
    let mut next = || reader.next_entry().unwrap().unwrap();
    assert_eq!(next().payload(), [0, 0xFF, 0x3E], "either alphabet");
    let second = next();
    assert_eq!((second.payload(), second.attributes["k"].as_str()), (b"a".to_vec(), "v"), "padded or not");
    assert_eq!(next().attributes["only"], "1");
}

#[tokio::test]
async fn who_has_no_token_no_scope_or_no_role_is_told_which() {
    let stack = stack().await;
    let publish = format!("{TOPIC}:publish");
    let body = || json!({"messages": [{"data": "YQ=="}]}).to_string();
    let nobody = stack.post(&publish, "none-of-ours", body()).await;
    assert_eq!((nobody.status, nobody.json()["error"]["status"].as_str()), (401, Some("UNAUTHENTICATED")));
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    let unsent = stack.http.post(format!("{}{publish}", stack.at)).body(body());
    assert_eq!(unsent.send().await.unwrap().status(), 401);
    let narrow = stack.post(&publish, &stack.token("publisher", STORAGE).await, body()).await;
    assert_eq!(narrow.refusal(), (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT".into()));
    let token = stack.token("publisher", PUBSUB).await;
    let elsewhere = stack.post("/v1/projects/local/topics/other:publish", &token, body()).await;
    assert_eq!(elsewhere.refusal(), (403, "IAM_PERMISSION_DENIED".into()));
    let metadata = &elsewhere.json()["error"]["details"][0]["metadata"];
    assert_eq!(metadata["resource"], "//pubsub.googleapis.com/projects/local/topics/other");
    let other_verb = stack.request("DELETE", TOPIC, &token).send().await.unwrap();
    assert_eq!(other_verb.status(), 403, "a publisher deletes no topics");
    assert!(!stack.topics().join("local").exists(), "nothing was written");
}

#[tokio::test]
async fn what_google_would_not_publish_is_refused_whole() {
    let stack = stack().await;
    let token = stack.token("publisher", PUBSUB).await;
    let many: serde_json::Map<_, _> = (0..101).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (messages, says) in [
        (json!([]), "0 messages are not between 1 and 1000"),
        (json!(vec![json!({"data": "YQ=="}); 1001]), "1001 messages"),
        (json!([{"data": "YQ=="}, {}]), "messages[1]: one or both of data and attributes"),
        (json!([{"data": "!"}]), "messages[0]: data is not base64"),
        (json!([{"attributes": many}]), "101 attributes exceed the limit of 100"),
        (json!([{"attributes": {"googclient": "x"}}]), "do not begin with goog"),
        (json!([{"attributes": {"k": "v".repeat(1025)}}]), "a value of 1025 bytes"),
        (json!([{"data": "AAAA".repeat(10_000_001 / 3 + 1)}]), "exceed the limit of 10000000"),
    ] {
        let answer = stack.post(&format!("{TOPIC}:publish"), &token, json!({"messages": messages}).to_string()).await;
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert!(answer.status == 400 && text.contains(says), "{says}: {} {text}", answer.status);
    }
    assert!(!stack.topics().join("local").exists(), "nothing was written");
}

#[tokio::test]
async fn a_topic_is_made_shown_and_removed_with_its_messages() {
    let stack = stack().await;
    let token = stack.token("editor", PUBSUB).await;
    let call = async |method: &str| crate::support::send(stack.request(method, TOPIC, &token).body("{}")).await;
    assert_eq!(call("GET").await.status, 404);
    assert_eq!(call("PUT").await.json(), json!({"name": "projects/local/topics/events"}));
    assert_eq!((call("PUT").await.status, call("GET").await.status), (409, 200));
    let body = json!({"messages": [{"data": "YQ=="}]}).to_string();
    let publish = async || stack.post(&format!("{TOPIC}:publish"), &token, body.clone()).await.json();
    assert_eq!((publish().await["messageIds"][0].clone(), publish().await["messageIds"][0].clone()), (json!("0"), json!("1")));
    assert_eq!((call("DELETE").await.status, call("DELETE").await.status, call("GET").await.status), (200, 404, 404));
    assert_eq!(publish().await["messageIds"][0], "0", "a new topic of the old name begins anew");
}
