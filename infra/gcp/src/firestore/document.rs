//! The shape of a document: `json`, the record as a JSON text, and `write`, a random number of the write that made it.
//!
//! Firestore leaves a document's update time alone when a write changes nothing. With `write` each write changes it, so
//! that the update time is a version that never comes twice. The number also tells a writer whose answer was lost
//! whether the document it finds is its own.

use domain::PortError;
use domain::ports::Versioned;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{Document, Value};
use gcloud_sdk::prost_types::Timestamp;
use serde::de::DeserializeOwned;

use super::key;

const JSON: &str = "json";
const WRITE: &str = "write";
/// Largest document and largest text in one, Firestore's own limits.
const MAX_DOCUMENT_BYTES: usize = 1_048_576;
const MAX_TEXT_BYTES: usize = 1_048_487;
/// What a document of ours takes besides its collection, id and JSON text: a byte after each of collection, id, both
/// field names and the text, 16 for the name, 32 for the document, 9 for the field names and 8 for the number.
/// Source: firebase.google.com/docs/firestore/storage-size.
const OVERHEAD_BYTES: usize = 5 + 16 + 32 + 9 + 8;
/// Update times have microseconds, and so have versions. Past 9999 there is no time that Firestore takes.
const MICROS: u64 = 1_000_000;
const LAST_MICROS: u64 = 253_402_300_800 * MICROS - 1;

/// The document of a record; refused when Firestore would not take it.
pub(super) fn encode(name: &str, json: String, write: i64) -> Result<Document, PortError> {
    let mut path = name.rsplit('/');
    let (id, collection) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let room = (MAX_DOCUMENT_BYTES - OVERHEAD_BYTES - id.len() - collection.len()).min(MAX_TEXT_BYTES);
    if json.len() > room {
        let (has, shown) = (json.len(), key::key(id).unwrap_or_default());
        let text = format!("record `{shown}` takes {has} bytes as JSON, the limit of its Firestore document is {room} bytes");
        return Err(PortError::lasting("records", text));
    }
    let field = |name: &str, value| (name.to_owned(), Value { value_type: Some(value) });
    let fields = [field(JSON, ValueType::StringValue(json)), field(WRITE, ValueType::IntegerValue(write))];
    Ok(Document { name: name.to_owned(), fields: fields.into(), ..Document::default() })
}

/// The key and the record of a document.
pub(super) fn decode<T: DeserializeOwned>(document: &Document) -> Result<(String, Versioned<T>), PortError> {
    let damaged = |why: &str| PortError::lasting("records", format!("document `{}` is damaged: {why}", document.name));
    let id = document.name.rsplit('/').next().unwrap_or_default();
    let key = key::key(id).ok_or_else(|| damaged("its id is none of ours"))?;
    let version = document.update_time.as_ref().and_then(version).ok_or_else(|| damaged("it has no update time"))?;
    let Some(ValueType::StringValue(json)) = field(document, JSON) else { return Err(damaged("it has no text in `json`")) };
    let value = serde_json::from_str(json).map_err(|e| damaged(&e.to_string()))?;
    Ok((key, Versioned { value, version }))
}

/// How many bytes of memory its record will take, about.
pub(super) fn weight(document: &Document) -> usize {
    if let Some(ValueType::StringValue(json)) = field(document, JSON) { json.len() } else { 0 }
}

/// Whether `write` made what is there.
pub(super) fn is_by(document: &Document, write: i64) -> bool {
    field(document, WRITE) == Some(&ValueType::IntegerValue(write))
}

fn field<'a>(document: &'a Document, name: &str) -> Option<&'a ValueType> {
    document.fields.get(name)?.value_type.as_ref()
}

/// The version that an update time is: microseconds since 1970.
pub(super) fn version(time: &Timestamp) -> Option<u64> {
    let (secs, nanos) = (u64::try_from(time.seconds).ok()?, u64::try_from(time.nanos).ok()?);
    secs.checked_mul(MICROS)?.checked_add(nanos / 1000)
}

/// The update time that a version is; `None` for what can be none.
pub(super) fn update_time(version: u64) -> Option<Timestamp> {
    let (seconds, micros) = (version / MICROS, version % MICROS);
    let nanos = i32::try_from(micros * 1000).ok()?;
    (version <= LAST_MICROS).then_some(Timestamp { seconds: i64::try_from(seconds).ok()?, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "projects/p/databases/d/documents/kinds/kkey";

    #[test]
    fn a_version_is_an_update_time_to_the_microsecond() {
        let time = Timestamp { seconds: 1_795_000_000, nanos: 123_456_000 };
        assert_eq!(version(&time), Some(1_795_000_000_123_456));
        assert_eq!(update_time(1_795_000_000_123_456), Some(time));
        assert_eq!((update_time(u64::MAX), update_time(LAST_MICROS + 1)), (None, None));
        assert_eq!(update_time(LAST_MICROS), Some(Timestamp { seconds: 253_402_300_799, nanos: 999_999_000 }));
    }

    #[test]
    fn a_document_too_large_is_refused_with_its_size_and_the_limit() {
        let long = format!("projects/p/databases/d/documents/kinds/k{}", "x".repeat(1000));
        for (name, room) in [(NAME, 1_048_487), (&*long, 1_048_576 - 70 - "kinds".len() - 1001)] {
            assert!(encode(name, "x".repeat(room), 1).is_ok());
            let refused = encode(name, "x".repeat(room + 1), 1).unwrap_err();
            let limit = format!("takes {} bytes as JSON, the limit of its Firestore document is {room} bytes", room + 1);
            assert!(!refused.is_retryable() && refused.to_string().ends_with(&limit), "{refused}");
        }
    }

    #[test]
    fn a_document_that_is_none_of_ours_is_refused_by_name() {
        let mut document = encode(NAME, "7".into(), 1).unwrap();
        let refused = |document: &Document| decode::<u8>(document).unwrap_err().to_string();
        assert!(refused(&document).ends_with("`projects/p/databases/d/documents/kinds/kkey` is damaged: it has no update time"));
        document.update_time = update_time(5);
        assert_eq!(decode::<u8>(&document).unwrap(), ("key".into(), Versioned { value: 7, version: 5 }));
        assert!(decode::<bool>(&document).unwrap_err().to_string().contains("is damaged: "));
        document.fields.remove(JSON);
        assert!(refused(&document).ends_with("it has no text in `json`"));
        document.name.push('.');
        assert!(refused(&document).ends_with("its id is none of ours"));
    }
}
