//! A store on a real disk: what is committed is found again, what is damaged is an error.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;

use durable::{Error, OpenError, Options, Store, Swap, Value};

fn open(dir: &std::path::Path) -> Store {
    Store::open(dir, Options::default()).expect("opens")
}

#[test]
fn committed_entries_are_found_after_reopening() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let devices = store.tree("devices").expect("a tree");
    devices.insert("b", b"2".as_slice()).expect("inserted");
    devices.insert("a", b"1".as_slice()).expect("inserted");
    store.commit().expect("committed");
    drop((store, devices));

    let store = open(dir.path());
    let devices = store.tree("devices").expect("a tree");
    let entries = devices.scan::<&str>(.., 10).expect("scanned");
    assert_eq!(entries, [(Value::from("a"), Value::from("1")), (Value::from("b"), Value::from("2"))]);
    assert_eq!(devices.at_or_before("aa").expect("found"), Some((Value::from("a"), Value::from("1"))));
    assert_eq!(store.tree_names(), [b"devices".to_vec()]);
}

#[test]
fn a_swap_needs_the_expected_value() {
    let dir = tempfile::tempdir().expect("a folder");
    let tree = open(dir.path()).tree("t").expect("a tree");
    assert_eq!(tree.compare_and_swap("k", None, Some("1".into())).expect("swapped"), Swap::Done);
    let conflict = tree.compare_and_swap("k", None, Some("2".into())).expect("answered");
    assert_eq!(conflict, Swap::Conflict(Some("1".into())));
    assert_eq!(tree.compare_and_swap("k", Some(b"1"), None).expect("swapped"), Swap::Done);
    assert!(tree.is_empty().expect("read"));
}

#[test]
fn a_value_that_would_become_a_blob_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let tree = open(dir.path()).tree("t").expect("a tree");
    let limit = Options::default().value_limit_bytes();
    for key in 0..64_u32 {
        tree.insert(key.to_be_bytes(), vec![7; limit - 4]).expect("fits");
    }
    let refused = tree.insert("k", vec![7; limit]).expect_err("one byte too many");
    assert!(matches!(refused, Error::TooLarge { len, limit: allowed } if len == limit + 1 && allowed == limit));
    assert_eq!(fs::read_dir(dir.path().join("blobs")).map_or(0, Iterator::count), 0);
}

#[test]
fn a_second_handle_is_told_that_the_store_is_open() {
    let dir = tempfile::tempdir().expect("a folder");
    let _first = open(dir.path());
    assert!(matches!(Store::open(dir.path(), Options::default()), Err(OpenError::Locked { .. })));
}

#[test]
fn an_unfinished_snapshot_is_removed() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path()));
    let left_over = dir.path().join("snap.00000000000F4240.generating");
    fs::write(&left_over, b"torn").expect("written");
    drop(open(dir.path()));
    assert!(!left_over.exists());
}

#[test]
fn damage_is_an_error_and_not_a_panic() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let tree = store.tree("t").expect("a tree");
    for key in 0..2_000_u32 {
        tree.insert(key.to_be_bytes(), vec![7; 1_000]).expect("inserted");
    }
    store.commit().expect("committed");
    drop((store, tree));
    fs::write(dir.path().join("conf"), b"segment_size: nonsense, and no checksum").expect("overwritten");
    assert!(matches!(Store::open(dir.path(), Options::default()), Err(OpenError::Corrupt { .. } | OpenError::Io { .. })));
}

#[test]
fn threads_commit_together() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    let tree = store.tree("t").expect("a tree");
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let (store, tree) = (&store, &tree);
            scope.spawn(move || {
                for n in 0..20_u8 {
                    tree.insert([thread, n], [n].as_slice()).expect("inserted");
                    store.commit().expect("committed");
                }
            });
        }
    });
    assert_eq!(tree.scan::<&[u8]>(.., 1_000).expect("scanned").len(), 160);
}
