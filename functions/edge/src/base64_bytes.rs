//! Bytes in JSON: standard or URL-safe base64 in, padded or not; standard out. Stray trailing bits are refused, as
//! Google refuses them (`docs/compatibility.md`, "Errors").

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD};

use crate::ApiError;

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const READS_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const READS_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// Reads a bytes field. The error names `field`, a path in snake case, in Google's words.
pub fn decode(field: &str, text: &str) -> Result<Vec<u8>, ApiError> {
    let url_safe = text.bytes().any(|b| b == b'-' || b == b'_');
    let engine = if url_safe { READS_URL_SAFE } else { READS_STANDARD };
    engine.decode(text).map_err(|_| {
        let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
        ApiError::invalid(field, format!("Invalid value at '{field}' (TYPE_BYTES), Base64 decoding failed for \"{shown}\""))
    })
}

/// Standard base64 with padding.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_with_and_without_padding() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode("binary_data", text).unwrap(), [0xFB, 0xFF], "{text}");
        }
        assert_eq!(decode("binary_data", "").unwrap(), [0_u8; 0]);
        assert_eq!(encode(&[0xFB, 0xFF]), "+/8=");
    }

    #[test]
    fn stray_bits_are_refused_in_googles_words() {
        let e = decode("binary_data", "123").unwrap_err();
        assert_eq!(e.message(), "Invalid value at 'binary_data' (TYPE_BYTES), Base64 decoding failed for \"123\"");
    }
}
