//! What an object is called: a bucket, and a path in it that cannot lead anywhere else.

use std::fmt;

/// Longest object name in bytes, as Cloud Storage has it.
pub const MAX_OBJECT_NAME_BYTES: usize = 1024;

/// Longest part between two slashes in bytes: what a file name holds on Linux, so that every store can keep it.
pub const MAX_SEGMENT_BYTES: usize = 255;

/// A bucket and an object in it. Its segments are never empty, `.` or `..`, and hold neither control characters nor
/// backslashes: no reader of it can be led to another object than the one that was authorised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    bucket: String,
    object: String,
}

/// Why a text names no object. Says the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnObject(String);

impl ObjectName {
    /// Checks both parts, as they are after percent-decoding.
    pub fn try_new(bucket: &str, object: &str) -> Result<Self, NotAnObject> {
        check_bucket(bucket)?;
        if object.len() > MAX_OBJECT_NAME_BYTES {
            return Err(NotAnObject(format!("an object name of {} bytes exceeds the limit of {MAX_OBJECT_NAME_BYTES}", object.len())));
        }
        object.split('/').try_for_each(|segment| check_segment(segment, object))?;
        Ok(Self { bucket: bucket.into(), object: object.into() })
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
    /// The name in the bucket.
    pub fn object(&self) -> &str {
        &self.object
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{}/{}", self.bucket, self.object)
    }
}

/// Bucket names as Cloud Storage has them: 3 to 222 characters, lower case.
pub(super) fn check_bucket(bucket: &str) -> Result<(), NotAnObject> {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = bucket.as_bytes();
    let legal = (3..=222).contains(&bytes.len())
        && is_alphanumeric(bytes[0])
        && is_alphanumeric(bytes[bytes.len() - 1])
        && bytes.iter().all(|b| is_alphanumeric(*b) || b"-_.".contains(b))
        && !bucket.contains("..");
    let rule = "it must have 3 to 222 characters out of lower-case letters, digits and -_. and begin and end with a letter or digit";
    if legal { Ok(()) } else { Err(NotAnObject(format!("bucket `{}` is not valid: {rule}", shown(bucket)))) }
}

/// `whole` is what the message shows.
pub(super) fn check_segment(segment: &str, whole: &str) -> Result<(), NotAnObject> {
    let wrong = match segment {
        "" => "it must not be empty, nor begin, end or double a slash",
        "." | ".." => "`.` and `..` are no names",
        long if long.len() > MAX_SEGMENT_BYTES => "a part between slashes has at most 255 bytes",
        odd if odd.chars().any(|c| c.is_control() || c == '\\') => "control characters and backslashes are not allowed",
        _ => return Ok(()),
    };
    Err(NotAnObject(format!("object name `{}` is not valid: {wrong}", shown(whole))))
}

/// A value as it may be repeated in a message: at most 64 characters, controls escaped.
pub(super) fn shown(value: &str) -> String {
    value.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        for object in ["a", "firmware/1.2/image.bin", "a b/ü:c?#%2e", "...", ".hidden/~x", &"x".repeat(255)] {
            assert_eq!(ObjectName::try_new("my-bucket", object).unwrap().to_string(), format!("gs://my-bucket/{object}"));
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        let long = format!("a/{}", "x".repeat(256));
        for object in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a/../b", "a\\b", "a\0", "a\n", "a\u{85}b", &long] {
            assert!(ObjectName::try_new("my-bucket", object).is_err(), "{object:?}");
        }
        let e = ObjectName::try_new("my-bucket", &"a/".repeat(600)).unwrap_err().to_string();
        assert_eq!(e, "an object name of 1200 bytes exceeds the limit of 1024");
        for bucket in ["", "ab", "Bucket", "a/b", "..", "a..b", ".uploads", "-ab", "ab-", "a%2fb", "büc"] {
            assert!(ObjectName::try_new(bucket, "x").is_err(), "{bucket}");
        }
    }
}
