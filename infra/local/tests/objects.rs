//! Objects in a folder: whole or not at all, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::fs;
use std::os::unix::fs::symlink;

use bytes::Bytes;
use domain::objects::{Interruption, ObjectInfo, ObjectName, Upload, Uploaded};
use domain::ports::ObjectStore as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use infra_local::FolderObjects;

fn name(object: &str) -> ObjectName {
    ObjectName::try_new("bucket", object).unwrap()
}

fn upload(parts: &[&'static str], end: Option<Interruption>) -> Upload {
    let parts = parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())));
    stream::iter(parts.chain(end.map(Err)).collect::<Vec<_>>()).boxed()
}

async fn put(objects: &FolderObjects, object: &str, content: &'static str) -> ObjectInfo {
    match objects.write(&name(object), upload(&[content], None), None).await.unwrap() {
        Uploaded::Stored(info) => info,
        other => panic!("{other:?}"),
    }
}

async fn get(objects: &FolderObjects, object: &str, info: &ObjectInfo, range: std::ops::Range<u64>) -> Option<String> {
    let chunks: Vec<Bytes> = objects.open(&name(object), info.generation, range).await.unwrap()?.try_collect().await.unwrap();
    Some(String::from_utf8(chunks.concat()).unwrap())
}

#[tokio::test]
async fn what_is_written_can_be_looked_at_and_read_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(dir.path()).unwrap();
    let crc = Some(crc32c::crc32c(b"hello world"));
    let written = objects.write(&name("a/b"), upload(&["hello ", "", "world"], None), crc).await.unwrap();
    let Uploaded::Stored(info) = written else { panic!("{written:?}") };
    assert_eq!((info.size, info.crc32c), (11, crc));
    assert_eq!(objects.stat(&name("a/b")).await.unwrap().unwrap(), info);
    assert_eq!(FolderObjects::open(dir.path()).unwrap().stat(&name("a/b")).await.unwrap().unwrap(), info, "after a restart too");
    for (range, expected) in [(0..11, "hello world"), (6..8, "wo"), (11..11, "")] {
        assert_eq!(get(&objects, "a/b", &info, range).await.as_deref(), Some(expected));
    }
    assert_eq!(get(&objects, "a/b", &info, 0..12).await, None, "never more than there is");
    assert_eq!(fs::read(dir.path().join("bucket/a/b")).unwrap(), b"hello world");
    assert!(objects.sign(&name("a/b"), 1, std::time::Duration::from_secs(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn every_write_is_a_later_generation_and_a_reader_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(dir.path()).unwrap();
    let first = put(&objects, "x", "one").await;
    let reading = objects.open(&name("x"), first.generation, 0..3).await.unwrap().unwrap();
    let mut last = first.clone();
    for _ in 0..50 {
        let next = put(&objects, "x", "two").await;
        assert!(next.generation > last.generation && next.etag != last.etag);
        last = next;
    }
    assert_eq!(reading.try_collect::<Vec<_>>().await.unwrap().concat(), b"one");
    assert_eq!(get(&objects, "x", &first, 0..3).await, None, "that generation has gone");
    // A clock that was set back does not set generations back.
    let file = fs::File::options().write(true).open(dir.path().join("bucket/x")).unwrap();
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    file.set_modified(ahead).unwrap();
    let ahead = objects.stat(&name("x")).await.unwrap().unwrap().generation;
    assert!(put(&objects, "x", "three").await.generation > ahead);
}

#[tokio::test]
async fn an_upload_that_is_not_whole_or_not_right_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(dir.path()).unwrap();
    let before = put(&objects, "x", "before").await;
    let cut = Interruption::Cut("gone".into());
    let cut_off = objects.write(&name("x"), upload(&["half"], Some(cut.clone())), None).await.unwrap();
    assert_eq!(cut_off, Uploaded::Interrupted(cut));
    let wrong = objects.write(&name("x"), upload(&["bytes"], None), Some(7)).await.unwrap();
    assert_eq!(wrong, Uploaded::Mismatch { arrived: crc32c::crc32c(b"bytes") });
    assert_eq!(objects.stat(&name("x")).await.unwrap().unwrap(), before);
    assert_eq!(fs::read_dir(dir.path().join(".uploads")).unwrap().count(), 0);
    fs::write(dir.path().join(".uploads/left-by-a-crash"), "half").unwrap();
    FolderObjects::open(dir.path()).unwrap();
    assert_eq!(fs::read_dir(dir.path().join(".uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn links_and_folders_are_no_objects() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let objects = FolderObjects::open(dir.path()).unwrap();
    put(&objects, "a/b", "x").await;
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), dir.path().join("bucket/out")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("bucket/link")).unwrap();
    for object in ["a", "a/b/c", "none", "out/secret", "link", "out"] {
        assert_eq!(objects.stat(&name(object)).await.unwrap(), None, "{object}");
        assert!(objects.open(&name(object), 1, 0..1).await.unwrap().is_none(), "{object}");
    }
    for object in ["out/new", "out/deep/new", "a/b/c"] {
        assert!(objects.write(&name(object), upload(&["x"], None), None).await.is_err(), "{object}");
    }
    put(&objects, "link", "own").await;
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret", "a link is replaced, not followed");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_is_put_there_by_hand_is_an_object_and_one_changed_under_way_ends_the_read() {
    let dir = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(dir.path()).unwrap();
    fs::create_dir(dir.path().join("bucket")).unwrap();
    let file = dir.path().join("bucket/big");
    fs::write(&file, vec![7; 1 << 20]).unwrap();
    let info = objects.stat(&name("big")).await.unwrap().unwrap();
    assert_eq!((info.size, info.crc32c), (1 << 20, Some(crc32c::crc32c(&vec![7; 1 << 20]))));
    let mut reading = objects.open(&name("big"), info.generation, 0..info.size).await.unwrap().unwrap();
    assert!(reading.next().await.unwrap().is_ok());
    let changed = fs::File::options().write(true).open(&file).unwrap();
    changed.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(5)).unwrap();
    let why = reading.next().await.unwrap().unwrap_err().to_string();
    assert!(why.contains("changed in place"), "{why}");
}
