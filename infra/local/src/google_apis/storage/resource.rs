//! Objects and buckets as the JSON API shows them. Source: …/json_api/v1/objects#resource, …/buckets#resource.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::objects::{ObjectInfo, ObjectName};
use serde_json::{Value, json};

/// We keep bytes, not what they are called.
pub(super) const CONTENT_TYPE: &str = "application/octet-stream";

pub(super) fn object(name: &ObjectName, info: &ObjectInfo) -> Value {
    let mut resource = json!({
        "kind": "storage#object",
        "id": format!("{}/{}/{}", name.bucket(), name.object(), info.generation),
        "name": name.object(),
        "bucket": name.bucket(),
        "generation": info.generation.to_string(),
        "metageneration": "1",
        "contentType": CONTENT_TYPE,
        "storageClass": "STANDARD",
        "size": info.size.to_string(),
        "etag": info.etag,
        "timeCreated": info.updated.to_string(),
        "updated": info.updated.to_string(),
    });
    if let Some(crc32c) = info.crc32c {
        resource["crc32c"] = crc32c_text(crc32c).into();
    }
    resource
}

pub(super) fn bucket(name: &str) -> Value {
    json!({
        "kind": "storage#bucket", "id": name, "name": name, "projectNumber": "0", "metageneration": "1",
        "location": "LOCAL", "storageClass": "STANDARD", "iamConfiguration": { "uniformBucketLevelAccess": { "enabled": true } },
    })
}

/// As Cloud Storage writes it: big-endian, base64.
pub(super) fn crc32c_text(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

/// The checksum in such a text.
pub(super) fn read_crc32c(text: &str) -> Option<u32> {
    STANDARD.decode(text).ok()?.try_into().ok().map(u32::from_be_bytes)
}
