//! Records that are larger than an item: ten full configurations are.
//!
//! The record's own item holds the first part and says how many more there are; those stand under a kind of their own, by a
//! hash of the key and the version, written in the same transaction. So a reader has either the whole record or finds that
//! it was replaced meanwhile, and looks again. Parts of versions that were replaced are removed after the answer is certain;
//! what a crash leaves behind costs storage and is removed with the record's next write or delete.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::PortError;
use sha2::{Digest as _, Sha256};

use super::item::{self, Item, PARTS};

/// Items of a record at most, so records have at most some 1.5 MB. A transaction takes 100 items and 4 MB.
const MAX_ITEMS: usize = 4;
/// Digits of the greatest version.
const VERSION_DIGITS: usize = 20;

/// The kind that parts of `kind` stand under.
pub(super) fn kind_of_parts(kind: &str) -> String {
    format!("{kind}#parts")
}

/// What the sort keys of all parts of `key` begin with.
pub(super) fn prefix(key: &str) -> String {
    let hash = Sha256::digest(key);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    hex + "-"
}

/// The sort key of a part.
pub(super) fn sort_key(key: &str, version: u64, part: usize) -> String {
    format!("{}{version:0VERSION_DIGITS$}-{part}", prefix(key))
}

/// The record's own item, and those of further parts; refused when there would be too many.
pub(super) fn split(kind: &str, key: &str, version: u64, json: &str) -> Result<(Item, Vec<Item>), PortError> {
    let own_key = item::sort_key(key)?;
    // The parts' keys are longer than most keys and shorter than some: the least room for all keeps it simple.
    let room = item::room(kind, &own_key).min(item::room(&kind_of_parts(kind), &sort_key(key, version, MAX_ITEMS)));
    let mut texts = vec![];
    let mut left = json;
    while left.len() > room {
        let (text, rest) = left.split_at(left.floor_char_boundary(room));
        texts.push(text);
        left = rest;
    }
    texts.push(left);
    if texts.len() > MAX_ITEMS {
        let (has, limit) = (json.len(), room * MAX_ITEMS);
        let text = format!("record `{key}` takes {has} bytes as JSON, the limit of its {MAX_ITEMS} DynamoDB items is {limit} bytes");
        return Err(PortError::lasting("records", text));
    }
    let mut own = item::encode(kind, own_key, version, texts[0]);
    let part = |(place, text): (usize, &&str)| item::encode(&kind_of_parts(kind), sort_key(key, version, place), version, text);
    let parts: Vec<_> = texts.iter().enumerate().skip(1).map(part).collect();
    if !parts.is_empty() {
        own.insert(PARTS.to_owned(), AttributeValue::N(parts.len().to_string()));
    }
    Ok((own, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_between_characters_and_comes_together_again() {
        let json = "é".repeat(500_000);
        let (own, parts) = split("configs", "d", 7, &json).unwrap();
        assert_eq!((item::parts(&own), parts.len()), (2, 2));
        let whole: String = [&own].into_iter().chain(&parts).map(|item| item::json(item).unwrap()).collect();
        assert!(whole == json);
    }

    #[test]
    fn a_record_larger_than_four_items_is_refused_with_its_size_and_the_limit() {
        let refused = split("configs", "d", 7, &"x".repeat(2_000_000)).unwrap_err().to_string();
        assert!(refused.contains("takes 2000000 bytes as JSON, the limit of its 4 DynamoDB items is 1599"), "{refused}");
        assert_eq!(split("configs", "d", 7, "x").unwrap().1.len(), 0);
    }
}
