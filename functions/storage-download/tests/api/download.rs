//! GET and HEAD: whole, in parts, on condition.

use axum::body::Body;

use crate::support::App;

const PATH: &str = "files/firmware/image";

async fn app() -> (App, Vec<u8>, String) {
    let app = App::new().await;
    let content: Vec<u8> = (0..700_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    app.put_by_hand(PATH, &content);
    let etag = app.get("dev-a", PATH, &[]).await.header("etag").to_owned();
    (app, content, etag)
}

#[tokio::test]
async fn the_whole_is_described_by_its_headers() {
    let (app, content, etag) = app().await;
    let answer = app.get("dev-a", PATH, &[]).await;
    assert_eq!((answer.status, &answer.body), (200, &content));
    let crc32c = crc_header(&content);
    for (name, expected) in [
        ("content-length", "2800000"),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("x-goog-hash", &crc32c),
        ("cache-control", "private, no-transform"),
        ("date", "Fri, 20 Nov 2026 12:00:00 GMT"),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    assert!(etag.starts_with('"') && etag.ends_with('"') && answer.header("x-goog-generation").parse::<u64>().is_ok());
    let head = app.ask(app.request("HEAD", "dev-a", PATH), Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-length", "x-goog-hash", "etag", "x-goog-generation", "last-modified"] {
        assert_eq!(head.header(name), answer.header(name), "{name}");
    }
}

/// The header in the form of Cloud Storage: four bytes, big-endian, in base64.
fn crc_header(content: &[u8]) -> String {
    use base64::Engine as _;
    format!("crc32c={}", base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(content).to_be_bytes()))
}

#[tokio::test]
async fn parts_join_to_the_whole() {
    let (app, content, etag) = app().await;
    let (mut joined, mut from) = (Vec::<u8>::new(), 0);
    while joined.len() < content.len() {
        let range = format!("bytes={from}-{}", from + 333_332);
        let part = app.get("dev-a", PATH, &[("range", &range), ("if-range", &etag)]).await;
        assert_eq!(part.status, 206);
        assert_eq!(part.header("content-length"), part.body.len().to_string());
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/2800000", from + part.body.len() - 1));
        assert_eq!(part.header("x-goog-hash"), crc_header(&content), "of the whole");
        joined.extend(&part.body);
        from = joined.len();
    }
    assert_eq!(joined, content);
    assert_eq!(app.get("dev-a", PATH, &[("range", "bytes=-4")]).await.body, content[content.len() - 4..]);
}

#[tokio::test]
async fn what_cannot_be_satisfied_is_416_and_what_is_no_range_is_the_whole() {
    let (app, content, _) = app().await;
    let answer = app.get("dev-a", PATH, &[("range", "bytes=2800000-")]).await;
    answer.refused(416, "OUT_OF_RANGE", "the object has 2800000 bytes");
    assert_eq!(answer.header("content-range"), "bytes */2800000");
    for range in ["bytes=0-1,5-6", "bytes=5-4", "lines=1-2", "bytes"] {
        let answer = app.get("dev-a", PATH, &[("range", range)]).await;
        assert_eq!((answer.status, answer.body.len()), (200, content.len()), "{range}");
    }
    app.put_by_hand("files/firmware/empty", "");
    let empty = app.get("dev-a", "files/firmware/empty", &[]).await;
    assert_eq!((empty.status, empty.header("content-length"), empty.header("x-goog-hash")), (200, "0", "crc32c=AAAAAA=="));
    app.get("dev-a", "files/firmware/empty", &[("range", "bytes=0-")]).await.refused(416, "OUT_OF_RANGE", "0 bytes");
}

#[tokio::test]
async fn conditions_are_kept() {
    let (app, content, etag) = app().await;
    let same = app.get("dev-a", PATH, &[("if-none-match", &etag)]).await;
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, etag.as_str()));
    let request = app.request("HEAD", "dev-a", PATH).header("if-none-match", &etag);
    assert_eq!(app.ask(request, Body::empty()).await.status, 304);
    assert_eq!(app.get("dev-a", PATH, &[("if-none-match", "\"other\"")]).await.status, 200);
    for other in ["\"other\"", "W/\"x\"", "Fri, 20 Nov 2026 12:00:00 GMT"] {
        let whole = app.get("dev-a", PATH, &[("range", "bytes=5-"), ("if-range", other)]).await;
        assert_eq!((whole.status, whole.body.len()), (200, content.len()), "{other}");
    }
    app.put_by_hand("files/firmware/new", "other bytes");
    std::fs::rename(app.folder.path().join("files/firmware/new"), app.folder.path().join(PATH)).unwrap();
    let replaced = app.get("dev-a", PATH, &[("range", "bytes=5-"), ("if-range", &etag)]).await;
    assert_eq!((replaced.status, replaced.body.as_slice()), (200, b"other bytes".as_slice()), "never joined with the old");
    assert_ne!(replaced.header("etag"), etag);
}
