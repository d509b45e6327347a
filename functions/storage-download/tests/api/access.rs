//! Who may touch what: a device never reaches another's files, however the path is written.

use axum::body::Body;
use axum::http::Request;

use crate::support::{App, REGISTRY};

#[tokio::test]
async fn a_device_reads_what_is_shared_and_its_own() {
    let app = App::new().await;
    app.put_by_hand("files/firmware/1.bin", "firmware");
    app.put_by_hand("files/reg/dev-a/log", "of a");
    for (path, expected) in [("files/firmware/1.bin", "firmware"), ("files/reg/dev-a/log", "of a"), ("files/reg%2Fdev-a%2Flog", "of a")] {
        let answer = app.get("dev-a", path, &[]).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, expected.as_bytes()), "{path}");
    }
    let by_number = format!("/v1/{REGISTRY}/devices/1/objects/files/reg/dev-a/log");
    let request = Request::get(by_number).header("authorization", format!("Bearer {}", app.token("dev-a")));
    assert_eq!(app.ask(request, Body::empty()).await.body, b"of a");
    app.get("dev-a", "files/reg/dev-a/none", &[]).await.refused(404, "NOT_FOUND", "`gs://files/reg/dev-a/none` was not found");
}

/// Every way to write "the file of B" that a path has.
const OF_B: &[&str] = &[
    "files/reg/dev-b/log",
    "files/reg%2Fdev-b%2Flog",
    "files/reg/dev%2Db/log",
    "files/reg/dev-a/../dev-b/log",
    "files/reg/dev-a/%2e%2e/dev-b/log",
    "files/reg/dev-a/%2E%2E%2Fdev-b%2Flog",
    "files/reg/dev-a%2F..%2Fdev-b%2Flog",
    "files/reg/dev-a/..%5Cdev-b%5Clog",
    "files/reg/dev-a/.%2e/dev-b/log",
    "files/reg/./dev-b/log",
    "files/reg//dev-b/log",
    "files//reg/dev-b/log",
    "files/%2Freg/dev-b/log",
    "files/firmware/../reg/dev-b/log",
    "files/firmware/..%2Freg%2Fdev-b%2Flog",
    "files/firmware%2F%2E%2E%2Freg/dev-b/log",
    "files%2Freg/dev-b/log",
    "files%2F..%2Ffiles/reg/dev-b/log",
    "../files/reg/dev-b/log",
    "%2e%2e/files/reg/dev-b/log",
    ".uploads/reg/dev-b/log",
    "files/reg/dev-b:log",
    "files/reg/dev-b/log:x",
    "files/reg/dev-a/../dev-b/log:read",
    "files/reg/DEV-B/log",
    "files/reg/dev-a%00/../dev-b/log",
    "files/reg/dev-b%00/log",
    "files/firmware",
    "files/reg/dev-a",
    "drop/2/log",
    "other/reg/dev-a/log",
];

#[tokio::test]
async fn a_device_never_reaches_the_files_of_another() {
    let app = App::new().await;
    app.put_by_hand("files/reg/dev-b/log", "secret of b");
    app.put_by_hand("files/reg/dev-b:log", "secret of b");
    app.put_by_hand("drop/2/log", "secret of b");
    for path in OF_B {
        for method in ["GET", "HEAD", "PUT"] {
            let answer = app.ask(app.request(method, "dev-a", path), "overwritten").await;
            assert!([400, 403, 404].contains(&answer.status), "{method} {path}: {}", answer.status);
            assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{method} {path}");
        }
    }
    // Nor by the name of B with the token of A, nor with a path below one's own name.
    for device in ["dev-b", "2"] {
        let request = Request::get(format!("/v1/{REGISTRY}/devices/{device}/objects/files/reg/dev-b/log"));
        let answer = app.ask(request.header("authorization", format!("Bearer {}", app.token("dev-a"))), Body::empty()).await;
        answer.refused(401, "UNAUTHENTICATED", "unknown device, or no unexpired key");
    }
    assert_eq!(app.read("files/reg/dev-b/log").unwrap(), b"secret of b");
    assert_eq!(app.get("dev-b", "files/reg/dev-b/log", &[]).await.body, b"secret of b");
}

#[tokio::test]
async fn whether_another_file_exists_is_not_said() {
    let app = App::new().await;
    app.put_by_hand("files/reg/dev-b/there", "x");
    let there = app.get("dev-a", "files/reg/dev-b/there", &[]).await;
    there.refused(403, "PERMISSION_DENIED", "no object rule of registry `reg` lets device `dev-a` read `gs://files/reg/dev-b/there`");
    let absent = app.get("dev-a", "files/reg/dev-b/thera", &[]).await;
    assert_eq!((there.status, there.body.len()), (absent.status, absent.body.len()));
    assert_eq!(app.status("dev-a").await.last_error.unwrap().code, 7);
    app.put("dev-a", "files/firmware/1.bin", &[], "x").await.refused(403, "PERMISSION_DENIED", "write `gs://files/firmware/1.bin`");
    app.get("dev-a", "drop/1/x", &[]).await.refused(403, "PERMISSION_DENIED", "read `gs://drop/1/x`");
}

#[tokio::test]
async fn a_refused_token_says_the_servers_time() {
    let app = App::new().await;
    let uri = format!("/v1/{REGISTRY}/devices/dev-a/objects/files/firmware/1.bin");
    let none = app.ask(Request::get(&uri), Body::empty()).await;
    let message = none.refused(401, "UNAUTHENTICATED", "carries no credentials");
    assert!(message.contains("2026-11-20T12:00:00Z"), "{message}");
    assert_eq!(none.header("date"), "Fri, 20 Nov 2026 12:00:00 GMT");
    let bad = app.ask(Request::get(&uri).header("authorization", "Bearer x.y.z"), Body::empty()).await;
    bad.refused(401, "UNAUTHENTICATED", "neither a JWT nor an access token");
    assert_eq!(app.status("dev-a").await.last_error.unwrap().code, 16);
    app.ask(Request::delete(&uri), Body::empty()).await.refused(404, "NOT_FOUND", "is not part of this API");
}
