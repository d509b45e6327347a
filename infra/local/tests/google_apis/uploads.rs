//! Uploads in several requests, and those that go wrong.

use infra_local::security_token_service::policy;
use serde_json::json;

use crate::support::{Answer, STORAGE, Stack, send};

const START: &str = "/upload/storage/v1/b/files/o?uploadType=resumable";
const OBJECT: &str = "/storage/v1/b/files/o/big?alt=media";

async fn stack() -> (Stack, String) {
    let stack = Stack::new(&[("keeper", "roles/storage.objectAdmin", policy::bucket("files"))]).await;
    let token = stack.token("keeper", STORAGE).await;
    (stack, token)
}

/// Begins an upload; answers where it goes on.
async fn begin(stack: &Stack, token: &str, metadata: serde_json::Value) -> String {
    let begun = stack.post(START, token, metadata.to_string()).await;
    assert_eq!(begun.status, 200);
    assert!(begun.header("location").starts_with(&stack.at), "{}", begun.header("location"));
    begun.header("location").to_owned()
}

async fn put(stack: &Stack, to: &str, range: &str, body: &'static str) -> Answer {
    send(stack.http.put(to).header("content-range", range).body(body)).await
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_and_ends_once() {
    let (stack, token) = stack().await;
    let to = begin(&stack, &token, json!({"name": "big"})).await;
    assert_eq!(put(&stack, &to, "bytes */*", "").await.header("range"), "", "nothing yet");
    let first = put(&stack, &to, "bytes 0-3/*", "0123").await;
    assert_eq!((first.status, first.header("range")), (308, "bytes=0-3"));
    assert_eq!(stack.get(OBJECT, &token).await.status, 404, "not before it is whole");
    let ahead = put(&stack, &to, "bytes 6-7/10", "67").await;
    assert_eq!(
        (ahead.status, ahead.json()["error"]["message"].as_str()),
        (400, Some("the bytes from 6 on do not follow the 4 that are here"))
    );
    let twice = put(&stack, &to, "bytes 2-6/*", "23456").await;
    assert_eq!((twice.status, twice.header("range")), (308, "bytes=0-6"), "what came twice is passed over");
    let last = put(&stack, &to, "bytes 7-9/10", "789").await;
    assert_eq!((last.status, last.json()["size"].as_str()), (200, Some("10")));
    assert_eq!(stack.get(OBJECT, &token).await.body, b"0123456789");
    let asked = put(&stack, &to, "bytes */10", "").await;
    assert_eq!((asked.status, asked.json()), (200, last.json()), "whoever lost the answer gets it again");
    assert_eq!(stack.unfinished(), 0);
}

#[tokio::test]
async fn an_upload_without_a_range_is_whole_and_an_empty_one_too() {
    let (stack, token) = stack().await;
    let to = begin(&stack, &token, json!({"name": "big"})).await;
    assert_eq!(send(stack.http.put(&to).body("all of it")).await.status, 200);
    assert_eq!(stack.get(OBJECT, &token).await.body, b"all of it");
    let to = begin(&stack, &token, json!({"name": "big"})).await;
    assert_eq!(put(&stack, &to, "bytes */0", "").await.json()["size"], "0");
    assert_eq!(stack.get(OBJECT, &token).await.body, b"");
}

#[tokio::test]
async fn an_upload_that_is_not_what_it_announced_leaves_what_was_there() {
    let (stack, token) = stack().await;
    assert_eq!(stack.post("/upload/storage/v1/b/files/o?uploadType=media&name=big", &token, "old").await.status, 200);
    let to = begin(&stack, &token, json!({"name": "big", "crc32c": "AAAAAA=="})).await;
    let wrong = put(&stack, &to, "bytes 0-2/3", "new").await;
    assert!(wrong.status == 400 && String::from_utf8_lossy(&wrong.body).contains("CRC32C doesn't match"), "{}", wrong.status);
    assert_eq!(put(&stack, &to, "bytes */3", "").await.status, 404, "it is over");
    let multipart = |end: &str| {
        let head = "--b\r\ncontent-type: application/json\r\n\r\n{\"name\": \"big\"}\r\n--b\r\ncontent-type: x/y\r\n\r\n";
        let request = stack.request("POST", "/upload/storage/v1/b/files/o?uploadType=multipart", &token);
        send(request.header("content-type", "multipart/related; boundary=b").body(format!("{head}new{end}")))
    };
    assert_eq!(multipart("").await.status, 400, "without its end it is not whole");
    assert_eq!(stack.get(OBJECT, &token).await.body, b"old");
    assert_eq!(multipart("\r\n--b--").await.status, 200);
    assert_eq!((stack.get(OBJECT, &token).await.body, stack.unfinished()), (b"new".to_vec(), 0));
}

#[tokio::test]
async fn who_may_not_write_begins_nothing_and_who_knows_no_upload_goes_on_with_none() {
    let (stack, _) = stack().await;
    let stranger = stack.token("stranger", STORAGE).await;
    assert_eq!(stack.post(START, &stranger, json!({"name": "big"}).to_string()).await.status, 403);
    let unknown = put(&stack, &format!("{}{START}&upload_id=0", stack.at), "bytes 0-0/1", "x").await;
    assert_eq!(unknown.refusal(), (404, "notFound".into()));
    assert_eq!(stack.unfinished(), 0);
}

#[tokio::test]
async fn uploads_under_way_are_bounded() {
    let (stack, token) = stack().await;
    for n in 0..100 {
        begin(&stack, &token, json!({"name": format!("n{n}")})).await;
    }
    let full = stack.post(START, &token, json!({"name": "one-more"}).to_string()).await;
    assert_eq!(full.refusal(), (429, "rateLimitExceeded".into()));
    assert!(full.json()["error"]["message"].as_str().unwrap().starts_with("100 resumable uploads are under way"));
}
