//! The shape of an item, and of the keys that find it.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::PortError;
use domain::ports::Versioned;
use serde::de::DeserializeOwned;

pub(super) const KIND: &str = "kind";
pub(super) const KEY: &str = "key";
pub(super) const VERSION: &str = "version";
pub(super) const JSON: &str = "json";
pub(super) const PARTS: &str = "parts";

/// Largest item, its names included. DynamoDB's own limit is 409,600; the rest is reserve for how it counts.
const MAX_ITEM_BYTES: usize = 400_000;
/// Largest sort key: DynamoDB's own limit.
const MAX_KEY_BYTES: usize = 1_024;
/// A number takes at most 21 bytes, and two stand in an item besides its names.
const OVERHEAD_BYTES: usize = 2 * 21 + KIND.len() + KEY.len() + VERSION.len() + JSON.len() + PARTS.len();
/// A sort key may not be empty, a key of ours may.
const MARK: char = 'k';
/// The greatest character: nothing in a key comes after it.
const LAST: char = '\u{10ffff}';

pub(super) type Item = HashMap<String, AttributeValue>;

/// The sort key of a record.
pub(super) fn sort_key(key: &str) -> Result<String, PortError> {
    let has = key.len() + MARK.len_utf8();
    if has > MAX_KEY_BYTES {
        let shown: String = key.chars().take(64).collect();
        let text = format!("key `{shown}…` takes {has} bytes as a sort key, DynamoDB's limit is {MAX_KEY_BYTES} bytes");
        return Err(PortError::lasting("records", text));
    }
    Ok(format!("{MARK}{key}"))
}

/// The least and the greatest sort key of a listing; `None` when there can be nothing between them.
pub(super) fn range(prefix: &str, after: Option<&str>) -> Result<Option<(String, String)>, PortError> {
    let first = sort_key(prefix)?;
    let mut last = first.clone();
    while last.len() + LAST.len_utf8() <= MAX_KEY_BYTES {
        last.push(LAST);
    }
    // The least text that is greater than another is that with a zero behind it, where there is room for one.
    let past = after.map(sort_key).transpose()?.map(|key| if key.len() < MAX_KEY_BYTES { key + "\0" } else { key });
    let from = past.filter(|past| *past > first).unwrap_or(first);
    Ok((from <= last).then_some((from, last)))
}

/// A version that no write had before: the time in microseconds, and 12 bits of chance for writes of the same one.
pub(super) fn new_version() -> u64 {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    u64::try_from(micros).unwrap_or_default() << 12 | u64::from(rand::random::<u16>() & 0xfff)
}

/// How many bytes of JSON an item of `kind` has room for under `sort_key`.
pub(super) fn room(kind: &str, sort_key: &str) -> usize {
    MAX_ITEM_BYTES - OVERHEAD_BYTES - kind.len() - sort_key.len()
}

/// An item that holds `json`, whole or a part of it.
pub(super) fn encode(kind: &str, sort_key: String, version: u64, json: &str) -> Item {
    HashMap::from([
        (KIND.to_owned(), AttributeValue::S(kind.to_owned())),
        (KEY.to_owned(), AttributeValue::S(sort_key)),
        (VERSION.to_owned(), AttributeValue::N(version.to_string())),
        (JSON.to_owned(), AttributeValue::S(json.to_owned())),
    ])
}

/// The record of an item whose JSON, all parts together, is `json`.
pub(super) fn decode<T: DeserializeOwned>(item: &Item, json: &str) -> Result<Versioned<T>, PortError> {
    let version = version(item).ok_or_else(|| damaged(item, "it has no version"))?;
    let value = serde_json::from_str(json).map_err(|e| damaged(item, &e.to_string()))?;
    Ok(Versioned { value, version })
}

/// What is wrong with an item, by its key.
pub(super) fn damaged(item: &Item, why: &str) -> PortError {
    PortError::lasting("records", format!("item `{}` is damaged: {why}", key(item).unwrap_or_default()))
}

/// The text in `item`: the record as JSON, or a part of it.
pub(super) fn json(item: &Item) -> Result<&str, PortError> {
    let json = item.get(JSON).and_then(|json| json.as_s().ok());
    json.map(String::as_str).ok_or_else(|| damaged(item, "it has no text in `json`"))
}

/// How many further items hold the record's JSON.
pub(super) fn parts(item: &Item) -> usize {
    item.get(PARTS).and_then(|parts| parts.as_n().ok()?.parse().ok()).unwrap_or(0)
}

/// The key of the record in `item`.
pub(super) fn key(item: &Item) -> Option<String> {
    item.get(KEY)?.as_s().ok()?.strip_prefix(MARK).map(str::to_owned)
}

/// The version of the record in `item`.
pub(super) fn version(item: &Item) -> Option<u64> {
    item.get(VERSION)?.as_n().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_begins_past_a_key_and_ends_with_its_prefix() {
        let (from, to) = range("a/", None).unwrap().unwrap();
        assert!(from == "ka/" && "ka/\u{10ffff}z" < &to[..] && to.as_str() < "ka0", "{from} {to}");
        assert_eq!(range("a/", Some("a/b")).unwrap().unwrap().0, "ka/b\0");
        assert_eq!(range("a/", Some("A")).unwrap().unwrap().0, "ka/", "what lies before the prefix changes nothing");
        assert_eq!(range("a/", Some("b")).unwrap(), None, "nothing of a prefix comes after what lies behind it");
    }
}
