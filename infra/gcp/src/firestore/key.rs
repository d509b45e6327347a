//! A record's key as the id of a document, and back.
//!
//! An id is `k` and the key with `.` written `.0` and `/` written `.1`. So it is never empty, `.`, `..` or `__…__`, has no
//! slash, no two keys share one, and ids are in the order of their keys: both compare by UTF-8 bytes, and of the two
//! neighbours in ASCII that are written with two characters the first stays first.
//! Source: firebase.google.com/docs/firestore/quotas, "Constraints on document IDs".

use domain::PortError;

/// Longest id of a document, Firestore's own limit.
const MAX_ID_BYTES: usize = 1500;
const MARK: char = 'k';

/// The id of the document that holds `key`.
pub(super) fn id(key: &str) -> Result<String, PortError> {
    let mut id = String::with_capacity(key.len() + 16);
    id.push(MARK);
    for c in key.chars() {
        match c {
            '.' => id.push_str(".0"),
            '/' => id.push_str(".1"),
            other => id.push(other),
        }
    }
    if id.len() > MAX_ID_BYTES {
        let (has, shown) = (id.len(), key.chars().take(64).collect::<String>());
        let text = format!("key `{shown}…` takes {has} bytes as a document id, Firestore's limit is {MAX_ID_BYTES} bytes");
        return Err(PortError::lasting("records", text));
    }
    Ok(id)
}

/// The key that `id` stands for; `None` when we did not make it.
pub(super) fn key(id: &str) -> Option<String> {
    let mut left = id.strip_prefix(MARK)?.chars();
    let mut key = String::with_capacity(id.len());
    while let Some(c) = left.next() {
        match c {
            '.' => key.push(match left.next()? {
                '0' => '.',
                '1' => '/',
                _ => return None,
            }),
            '/' => return None,
            other => key.push(other),
        }
    }
    Some(key)
}

/// The least text that is greater than everything that starts with `id`.
pub(super) fn past(id: &str) -> String {
    let mut past = id.to_owned();
    while let Some(last) = past.pop() {
        // The iterator knows that the surrogates between U+D7FF and U+E000 are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            past.push(next);
            return past;
        }
    }
    char::MAX.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &[
        "",
        ".",
        "..",
        "/",
        "//",
        "./",
        "/.",
        ".0",
        ".1",
        "0",
        "-",
        "__x__",
        "_",
        "%2F",
        "~",
        "k",
        "a",
        "a.",
        "a.b",
        "a/",
        "a/b",
        "a0",
        "a-",
        "ä",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fffd}",
        "😀",
        "projects/p/devices/d",
        "projects/p/devices/d.1",
    ];

    #[test]
    fn every_key_comes_back_from_its_id() {
        for text in KEYS {
            assert_eq!(key(&id(text).unwrap()).as_deref(), Some(*text));
        }
    }

    #[test]
    fn an_id_is_one_that_firestore_allows() {
        for text in KEYS {
            let id = id(text).unwrap();
            assert!(!id.is_empty() && !id.contains('/') && !id.starts_with('.') && !id.starts_with("__"), "{id}");
        }
    }

    #[test]
    fn ids_are_in_the_order_of_their_keys() {
        for a in KEYS {
            for b in KEYS {
                assert_eq!(id(a).unwrap().cmp(&id(b).unwrap()), a.cmp(b), "{a} {b}");
                assert_eq!(id(a).unwrap().starts_with(&id(b).unwrap()), a.starts_with(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn past_a_prefix_is_the_first_text_without_it() {
        assert_eq!((past("ka"), past("k\u{d7ff}"), past("k\u{10ffff}")), ("kb".into(), "k\u{e000}".into(), "l".into()));
        for a in KEYS {
            let end = past(&id(a).unwrap());
            for b in KEYS {
                let b_id = id(b).unwrap();
                assert_eq!(b_id >= id(a).unwrap() && b_id < end, b.starts_with(a), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_key_too_long_is_refused_with_its_length_and_the_limit() {
        assert!(id(&"x".repeat(1499)).is_ok());
        let refused = id(&"/".repeat(750)).unwrap_err();
        assert!(!refused.is_retryable() && refused.to_string().contains("1501 bytes"), "{refused}");
    }

    #[test]
    fn what_is_no_id_of_ours_has_no_key() {
        for foreign in ["", "x", "k.", "k.2", "ka/b"] {
            assert_eq!(key(foreign), None, "{foreign}");
        }
    }
}
