//! A store that can sign sends devices there, unless they cannot follow.

use axum::body::Body;

use crate::support::App;

const PATH: &str = "files/firmware/image";

#[tokio::test]
async fn a_get_is_sent_to_the_store_and_its_url_is_kept_nowhere() {
    let app = App::signing().await;
    app.put_by_hand(PATH, "image");
    let answer = app.get("dev-a", PATH, &[("range", "bytes=1-")]).await;
    assert_eq!((answer.status, answer.body.len(), answer.header("cache-control")), (307, 0, "no-store"));
    let url = answer.header("location");
    assert!(url.starts_with("https://storage.example.com/files/firmware/image?generation="), "{url}");
    assert!(url.ends_with(&format!("&X-Goog-Expires={}", storage_download::SIGNED_URL_LIFE.as_secs())), "{url}");
}

#[tokio::test]
async fn a_device_that_cannot_follow_gets_the_bytes_and_nobody_else_gets_a_url() {
    let app = App::signing().await;
    app.put_by_hand(PATH, "image");
    app.put_by_hand("files/reg/dev-b/log", "secret");
    let answer = app.get("dev-a", &format!("{PATH}?redirect=false"), &[("range", "bytes=1-2")]).await;
    assert_eq!((answer.status, answer.body.as_slice()), (206, b"ma".as_slice()));
    let head = app.ask(app.request("HEAD", "dev-a", PATH), Body::empty()).await;
    assert_eq!((head.status, head.header("content-length")), (200, "5"));
    let denied = app.get("dev-a", "files/reg/dev-b/log", &[]).await;
    denied.refused(403, "PERMISSION_DENIED", "no object rule");
    assert_eq!(denied.header("location"), "");
    app.get("dev-a", "files/firmware/none", &[]).await.refused(404, "NOT_FOUND", "none");
}
