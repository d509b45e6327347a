//! `drawbridge-shim download` against the real storage function: cut, killed, refused, damaged, out of room.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use files::{Files, Line, Then, content, left_of_image, said, serve, set_cloud};
use futures_util::{StreamExt as _, stream};
use support::shim::{BINARY, Shim};
use support::wait_until;

/// A device with a key, whose cloud is at `cloud` once it is known.
struct Device(Shim);

impl Device {
    fn new() -> Self {
        Self(Shim::configure(([127, 0, 0, 1], 1).into(), ""))
    }
    fn set_cloud(&self, cloud: SocketAddr) {
        set_cloud(&self.0, cloud);
    }
    fn command(&self, from: &str, more: &[&str]) -> Vec<String> {
        let (config, to) = (self.0.config(), self.0.path("image"));
        let least = ["download", from, "--to", to.to_str().unwrap(), "--config", config.to_str().unwrap()];
        least.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }
    fn download(&self, from: &str, more: &[&str]) -> (Option<i32>, String) {
        let arguments = self.command(from, more);
        said(&arguments)
    }
    fn image(&self) -> Option<Vec<u8>> {
        fs::read(self.0.path("image")).ok()
    }
    fn left(&self) -> Vec<String> {
        left_of_image(self.0.dir.path())
    }
}

#[test]
fn a_line_cut_at_sixty_places_brings_the_same_bytes() {
    let device = Device::new();
    let (cloud, image) = (Files::start(&device.0), content(400_000, 1));
    cloud.put("image", &image);
    // Within the head of the answer, at its end, and all over the body.
    let limits: Vec<u64> = (0..60).map(|n| if n % 6 == 0 { n * 9 } else { 500 + n * 137 % 8_000 }).collect();
    let line = Line::to(cloud.addr, limits, Then::Cut);
    device.set_cloud(line.addr);
    let (code, said) = device.download("gs://files/image", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("image: 400000 bytes, verified by crc32c\n"), "no bar where there is no terminal: {said}");
    assert!(device.image().unwrap() == image && device.left() == ["image"]);
    assert_eq!(line.connections.load(Ordering::SeqCst), 61, "each of them was cut");
    let carried = line.carried.load(Ordering::SeqCst);
    assert!(carried < 450_000, "{carried} bytes: what had arrived was not fetched again");
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let device = Device::new();
    let (cloud, image) = (Files::start(&device.0), content(3_000_000, 2));
    cloud.put("image", &image);
    let line = Line::to(cloud.addr, [1_000_000], Then::Hang);
    device.set_cloud(line.addr);
    let mut child = Command::new(BINARY).args(device.command("gs://files/image", &[])).stderr(Stdio::null()).spawn().unwrap();
    let part = device.0.path("image.part");
    wait_until("most of the part has arrived", || fs::metadata(&part).is_ok_and(|m| m.len() > 900_000));
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(1) && said.contains("another download to ") && said.contains("is under way"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(device.image(), None, "not before it is whole");
    let before = line.carried.load(Ordering::SeqCst);
    let (code, said) = device.download("gs://files/image", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(device.image().unwrap() == image && device.left() == ["image"]);
    let carried = line.carried.load(Ordering::SeqCst) - before;
    assert!(carried < 2_200_000, "{carried} bytes: the first third was not fetched again");
}

#[test]
fn an_object_replaced_under_way_is_never_joined_to_the_old() {
    let device = Device::new();
    let (cloud, new) = (Files::start(&device.0), content(300_000, 4));
    cloud.put("image", &content(300_000, 3));
    let line = Line::to(cloud.addr, [100_000], Then::Hang);
    device.set_cloud(line.addr);
    let mut child = Command::new(BINARY).args(device.command("gs://files/image", &[])).stderr(Stdio::null()).spawn().unwrap();
    let part = device.0.path("image.part");
    wait_until("some has arrived", || fs::metadata(&part).is_ok_and(|m| m.len() > 50_000));
    child.kill().unwrap();
    child.wait().unwrap();
    cloud.put("image", &new);
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(0) && device.image().unwrap() == new, "{said}");
}

#[test]
fn a_part_that_the_disk_damaged_is_fetched_again() {
    let device = Device::new();
    let (cloud, image) = (Files::start(&device.0), content(300_000, 5));
    cloud.put("image", &image);
    let line = Line::to(cloud.addr, [100_000, 10, 10], Then::Cut);
    device.set_cloud(line.addr);
    let (code, said) = device.download("gs://files/image", &["--retries", "1"]);
    assert!(
        code == Some(1) && said.contains("gave up after 2 attempts") && said.contains("Start the same command again to go on"),
        "{said}"
    );
    let mut part = fs::read(device.0.path("image.part")).unwrap();
    part[10] ^= 1;
    fs::write(device.0.path("image.part"), part).unwrap();
    let (code, said) = device.download("gs://files/image", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(device.image().unwrap() == image);
}

#[test]
fn a_token_refused_half_way_is_made_anew_and_nothing_is_lost() {
    let device = Device::new();
    let (cloud, image) = (Files::start(&device.0), content(300_000, 6));
    cloud.put("image", &image);
    cloud.seen.lock().unwrap().refuse = vec![1];
    let line = Line::to(cloud.addr, [100_000], Then::Cut);
    device.set_cloud(line.addr);
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(0) && device.image().unwrap() == image, "{said}");
    let tokens = cloud.seen.lock().unwrap().tokens.clone();
    assert!(tokens.len() == 3 && tokens[1] != tokens[2], "{}", tokens.len());

    cloud.seen.lock().unwrap().refuse = (3..99).collect();
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(1) && said.contains("the server refuses with 401: token expired"), "{said}");
    assert_eq!(cloud.seen.lock().unwrap().tokens.len(), 5, "refused twice in a row is refused");
}

#[test]
fn a_redirect_takes_the_range_along_and_never_the_token() {
    let device = Device::new();
    let image = content(100_000, 7);
    let served = image.clone();
    // A store behind a signed URL: it refuses whoever shows a token, and serves ranges of one generation.
    let store = get(async move |headers: HeaderMap| {
        if headers.contains_key("authorization") {
            return (StatusCode::BAD_REQUEST, HeaderMap::new(), b"a token came here".to_vec());
        }
        let range = headers.get("range").filter(|_| headers["if-range"] == "\"tag\"").map(|range| range.to_str().unwrap());
        let from: usize = range.map_or(0, |range| range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap());
        let mut answer = HeaderMap::from_iter([("etag".parse().unwrap(), "\"tag\"".parse().unwrap())]);
        if from == 0 {
            return (StatusCode::OK, answer, served);
        }
        answer.insert("content-range", format!("bytes {from}-{}/{}", served.len() - 1, served.len()).parse().unwrap());
        (StatusCode::PARTIAL_CONTENT, answer, served[from..].to_vec())
    });
    let line = Line::to(serve(Router::new().route("/signed", store)), [30_000, 30_000], Then::Cut);
    let to = format!("http://{}/signed?signature=x", line.addr);
    let cloud = serve(Router::new().fallback(async move |headers: HeaderMap| {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer "));
        (StatusCode::TEMPORARY_REDIRECT, [("location", to)])
    }));
    device.set_cloud(cloud);
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(0) && device.image().unwrap() == image, "{said}");
    assert_eq!(line.connections.load(Ordering::SeqCst), 3);
    assert!(line.carried.load(Ordering::SeqCst) < 110_000);
}

#[test]
fn wrong_sums_are_refused_and_the_old_file_stays() {
    let device = Device::new();
    fs::write(device.0.path("image"), "old").unwrap();
    let served = get(async || (HeaderMap::from_iter([("x-goog-hash".parse().unwrap(), "crc32c=AAAAAA==".parse().unwrap())]), "abc"));
    let addr = serve(Router::new().route("/wrong", served).route("/bare", get(async || "abc")));
    let (code, said) = device.download(&format!("http://{addr}/wrong"), &[]);
    assert!(code == Some(1) && said.contains("the crc32c of what arrived is 364b3fb7, it must be 00000000"), "{said}");
    assert_eq!((device.image().unwrap(), device.left()), (b"old".to_vec(), vec!["image".to_owned()]));
    let zeros = "0".repeat(64);
    let (code, said) = device.download(&format!("http://{addr}/bare"), &["--sha256", &zeros]);
    assert!(code == Some(1) && said.contains("the SHA-256 of what arrived is ba7816bf"), "{said}");
    assert_eq!((device.image().unwrap(), device.left()), (b"old".to_vec(), vec!["image".to_owned()]));
    let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let (code, said) = device.download(&format!("http://{addr}/bare"), &["--sha256", right]);
    assert!(code == Some(0) && said.contains("3 bytes, verified by SHA-256"), "{said}");
    assert_eq!((device.image().unwrap(), device.left()), (b"abc".to_vec(), vec!["image".to_owned()]));
}

#[test]
fn a_disk_that_is_too_small_is_not_filled() {
    let device = Device::new();
    let begun = || Body::from_stream(stream::once(async { Ok::<_, std::io::Error>("abc") }).chain(stream::pending()));
    let addr = serve(Router::new().route("/huge", get(async move || ([("content-length", "1000000000000000")], begun()))));
    let (code, said) = device.download(&format!("http://{addr}/huge"), &[]);
    assert!(code == Some(1) && said.contains("has too little room: 1000000000000000 bytes are still to come"), "{said}");
    assert!(fs::metadata(device.0.path("image.part")).unwrap().len() == 0 && device.image().is_none());
}

#[test]
fn what_cannot_succeed_ends_at_once_and_what_does_not_answer_in_the_end() {
    let device = Device::new();
    let cloud = Files::start(&device.0);
    let (code, said) = device.download("gs://files/image", &[]);
    assert!(code == Some(64) && said.contains("the configuration has no key `cloud`"), "{said}");
    device.set_cloud(cloud.addr);
    for (from, expected, says) in [
        ("gs://files/none", 1, "the server refuses with 404: object `gs://files/none` was not found"),
        (
            "gs://other/image",
            1,
            "the server refuses with 403: no object rule of registry `reg` lets device `dev-1` read `gs://other/image`",
        ),
        ("gs://files/../image", 64, "without empty parts, `.` and `..`"),
        ("image", 64, "it must be gs://BUCKET/OBJECT, or a URL"),
    ] {
        let (code, said) = device.download(from, &[]);
        assert!(code == Some(expected) && said.contains(says), "{from}: {said}");
    }
    assert_eq!(cloud.seen.lock().unwrap().tokens.len(), 2, "asked once each");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    device.set_cloud(closed);
    let (code, said) = device.download("gs://files/image", &["--retries", "2"]);
    assert!(code == Some(1) && said.contains("gave up after 3 attempts without a new byte") && said.contains("refused"), "{said}");
    assert_eq!(device.image(), None);
}
