//! The subject token: a short JWT of ours that names a device to the cloud. Never leaves this process but to the issuer.
//!
//! | claim | is |
//! | --- | --- |
//! | `iss` | our issuer URL |
//! | `aud` | the workload identity pool provider |
//! | `sub` | the device's number in decimal, at most 20 bytes (`google.subject` takes 127) |
//! | `iat`, `exp` | from 10 s ago, for [`SUBJECT_LIFE`] |
//! | `project`, `location`, `registry`, `device` | where it is registered; become attributes by the provider's mapping |

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::token::Secret;
use domain::{Device, PortError};
use serde_json::{Value, json};

use crate::Deps;

/// How long a subject token counts: an hour, because Google lets a federated token live as long as the rest of its
/// subject token, and an hour at most.
pub const SUBJECT_LIFE: Duration = Duration::from_secs(3600);
/// Issued this long ago: the cloud refuses an `iat` ahead of its own clock.
const BACKDATED: Duration = Duration::from_secs(10);

/// Vouches for `device`.
pub(crate) async fn mint(deps: &Deps, device: &Device) -> Result<Secret, PortError> {
    let now = deps.now();
    let kid = deps.keys.current().await?.kid;
    let registry = &device.key.registry;
    let claims = json!({
        "iss": deps.issuer_url.as_str(),
        "aud": deps.issuer.audience(),
        "sub": device.num_id.to_string(),
        "iat": (now - BACKDATED).secs(),
        "exp": (now + SUBJECT_LIFE).secs(),
        "project": registry.project,
        "location": registry.location,
        "registry": registry.registry,
        "device": device.key.id,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "ES256", "typ": "JWT", "kid": kid})), part(&claims));
    let signature = deps.keys.sign(&kid, signed.as_bytes()).await?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
