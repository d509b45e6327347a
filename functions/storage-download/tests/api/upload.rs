//! PUT: whole, checked, bounded.

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::json;

use crate::support::{App, MAX_UPLOAD_BYTES};

const PATH: &str = "files/reg/dev-a/logs/today";

#[tokio::test]
async fn a_device_writes_its_own_and_reads_it_back() {
    let app = App::new().await;
    let stored = app.put("dev-a", PATH, &[("x-goog-hash", "crc32c=mnG7TA==")], "hello").await;
    assert_eq!(stored.status, 200, "{stored:?}");
    let resource = stored.json().body;
    assert_eq!((&resource["bucket"], &resource["name"]), (&json!("files"), &json!("reg/dev-a/logs/today")));
    assert_eq!((&resource["size"], &resource["crc32c"]), (&json!("5"), &json!("mnG7TA==")));
    let back = app.get("dev-a", PATH, &[]).await;
    assert_eq!((back.body.as_slice(), back.header("x-goog-generation")), (b"hello".as_slice(), resource["generation"].as_str().unwrap()));
    assert_eq!(app.put("dev-a", "drop/1/x", &[], "").await.status, 200, "empty, and by number");
    assert_eq!(app.read("drop/1/x").unwrap(), b"");
    let odd = app.put("dev-a", "files/reg/dev-a/a%20b%2Fc:d%25", &[], "odd").await;
    assert_eq!(odd.json().body["name"], "reg/dev-a/a b/c:d%");
    assert_eq!(app.get("dev-a", "files/reg/dev-a/a%20b/c:d%25", &[]).await.body, b"odd");
}

#[tokio::test]
async fn what_is_too_large_is_refused_announced_or_not_and_leaves_nothing() {
    let app = App::new().await;
    let size = usize::try_from(MAX_UPLOAD_BYTES).unwrap();
    assert_eq!(app.put("dev-a", PATH, &[], vec![1; size]).await.status, 200, "the limit itself");
    let says = "exceeds the limit of 1000000 bytes";
    app.put("dev-a", PATH, &[("content-length", "1000001")], "x").await.refused(400, "INVALID_ARGUMENT", says);
    let chunks = (0..=size / 1000).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![2; 1000])));
    app.put("dev-a", PATH, &[], Body::from_stream(stream::iter(chunks))).await.refused(400, "INVALID_ARGUMENT", says);
    assert_eq!(app.read(PATH).unwrap(), vec![1; size], "what was there stays");
    let error = app.status("dev-a").await.last_error.unwrap();
    assert!(error.code == 3 && error.message.contains(says), "{error:?}");
}

#[tokio::test]
async fn what_is_cut_off_or_damaged_is_not_kept() {
    let app = App::new().await;
    let cut = stream::iter([Ok(Bytes::from("half")), Err(std::io::Error::other("line went down"))]);
    app.put("dev-a", PATH, &[], Body::from_stream(cut)).await.refused(499, "CANCELLED", "cut off");
    let damaged = app.put("dev-a", PATH, &[("x-goog-hash", "md5=xyz,crc32c=AAAAAA==")], "hello").await;
    damaged.refused(400, "INVALID_ARGUMENT", "what arrived has crc32c=mnG7TA==, announced was crc32c=AAAAAA==");
    let unread = app.put("dev-a", PATH, &[("x-goog-hash", "crc32c=short")], "hello").await;
    unread.refused(400, "INVALID_ARGUMENT", "crc32c `short` is not four bytes");
    app.put("dev-a", PATH, &[("content-range", "bytes 0-4/10")], "hello").await.refused(400, "INVALID_ARGUMENT", "must be whole");
    assert_eq!(app.read(PATH), None);
    app.get("dev-a", PATH, &[]).await.refused(404, "NOT_FOUND", "today");
}
