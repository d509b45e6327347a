//! Private keys as Cloud IoT Core's instructions made them.

/// Wraps the content of an `EC PRIVATE KEY` of curve P-256 (SEC1, what `openssl ecparam -genkey` writes) as PKCS#8
/// (RFC 5208): version 0, algorithm, key as octet string. The key itself is not looked at: whoever signs with it judges it.
#[must_use]
pub fn pkcs8_of_sec1(sec1: &[u8]) -> Vec<u8> {
    /// `SEQUENCE { OID id-ecPublicKey, OID prime256v1 }`
    const P256: [u8; 21] = [0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let mut body = vec![2, 1, 0];
    body.extend_from_slice(&P256);
    put_der(&mut body, 4, sec1);
    let mut whole = Vec::new();
    put_der(&mut whole, 0x30, &body);
    whole
}

fn put_der(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    let len = content.len().to_be_bytes();
    out.push(tag);
    match content.len() {
        short @ 0..128 => out.push(short as u8),
        128..256 => out.extend_from_slice(&[0x81, len[len.len() - 1]]),
        _ => out.extend_from_slice(&[0x82, len[len.len() - 2], len[len.len() - 1]]),
    }
    out.extend_from_slice(content);
}
