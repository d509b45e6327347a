//! Whether the bytes on the disk are the right ones. They are read back: what counts is what the disk has.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A SHA-256 as people write it: 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sha256Hex(String);

impl FromStr for Sha256Hex {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(format!("a SHA-256 has 64 hexadecimal digits, this has {} characters", text.chars().count()))
    }
}

/// What was found wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

/// Reads the file once and compares what is known. `Ok(Ok(()))` when nothing is known.
pub(super) fn check(path: &Path, crc32c: Option<u32>, sha256: Option<&Sha256Hex>) -> io::Result<Result<(), Wrong>> {
    let (mut file, mut chunk) = (File::open(path)?, vec![0; CHUNK_BYTES]);
    let (mut crc, mut sha) = (0, Sha256::new());
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        crc = crc32c::crc32c_append(crc, &chunk[..count]);
        if sha256.is_some() {
            sha.update(&chunk[..count]);
        }
    }
    if let Some(expected) = crc32c.filter(|expected| *expected != crc) {
        return Ok(Err(Wrong { what: "crc32c", expected: format!("{expected:08x}"), found: format!("{crc:08x}") }));
    }
    let found: String = sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let wrong = sha256.filter(|expected| expected.0 != found);
    Ok(wrong.map_or(Ok(()), |expected| Err(Wrong { what: "SHA-256", expected: expected.0.clone(), found })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sums_are_compared_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "abc").unwrap();
        // FIPS 180-4's example, in either case.
        let sha: Sha256Hex = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD".parse().unwrap();
        let crc = crc32c::crc32c(b"abc");
        assert_eq!(check(&path, Some(crc), Some(&sha)).unwrap(), Ok(()));
        assert_eq!(check(&path, None, None).unwrap(), Ok(()));
        assert_eq!(check(&path, Some(crc + 1), Some(&sha)).unwrap().unwrap_err().what, "crc32c");
        std::fs::write(&path, "abd").unwrap();
        assert_eq!(check(&path, None, Some(&sha)).unwrap().unwrap_err().what, "SHA-256");
        assert!("abc".parse::<Sha256Hex>().unwrap_err().contains("64 hexadecimal digits, this has 3"));
    }
}
