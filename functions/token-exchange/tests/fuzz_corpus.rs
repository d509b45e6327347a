//! What the fuzz targets began with, and what they found, replayed on every run: `fuzz/` needs a nightly compiler, this does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "the corpus is files")]

use std::path::Path;

use domain::Timestamp;
use domain::identity::UnverifiedJwt;
use protocol::DeviceClaims;

/// Every file of one target's corpus.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target);
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let all: Vec<_> = files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    assert!(all.len() >= 6, "{} has lost its files", folder.display());
    all
}

#[test]
fn every_jwt_of_the_corpus_is_read_or_refused_and_none_believed() {
    let mut read = 0;
    for (file, text) in corpus("jwt") {
        let Ok(jwt) = UnverifiedJwt::parse(std::str::from_utf8(&text).unwrap()) else { continue };
        let refusal = jwt.verify(&"p-1".parse().unwrap(), None, Timestamp::from_secs(1_795_176_000)).expect_err(&file);
        assert!(!refusal.to_string().chars().any(char::is_control), "{file}: {refusal}");
        read += 1;
    }
    assert!(read >= 5, "only {read} were tokens at all");
}

#[test]
fn all_claims_of_the_corpus_that_are_read_can_be_calculated_with() {
    let mut read = 0;
    for (file, json) in corpus("claims") {
        let Ok(claims) = serde_json::from_slice::<DeviceClaims>(&json) else { continue };
        let (iat, exp) = (Timestamp::from_secs(claims.iat), Timestamp::from_secs(claims.exp));
        assert!(!(exp.since(iat) + iat.since(exp)).is_zero() || iat == exp, "{file}");
        assert!(!iat.to_string().is_empty() && !exp.to_string().is_empty(), "{file}");
        let again = serde_json::to_vec(&claims).unwrap();
        assert_eq!(serde_json::from_slice::<DeviceClaims>(&again).unwrap(), claims, "{file}");
        read += 1;
    }
    assert!(read >= 4, "only {read} were claims at all");
}

#[test]
fn every_form_of_the_corpus_is_refused_or_names_one_device() {
    let mut read = 0;
    for (file, body) in corpus("form") {
        let Some(device) = token_exchange::device_of_form(&body) else { continue };
        assert_eq!(device.to_string().parse::<protocol::DeviceName>().unwrap(), device, "{file}");
        read += 1;
    }
    assert!(read >= 3, "only {read} were good requests");
}
