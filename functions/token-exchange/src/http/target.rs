//! Which device a token request is about. RFC 8693, section 2.1 names the target by `audience` or `resource`; here both
//! name the device, and every one that is given must name the same:
//!
//! | parameter | form |
//! | --- | --- |
//! | `audience` | the device's name, `projects/…/devices/…`, or its full resource name `//HOST/projects/…/devices/…` |
//! | `resource` | an absolute URI whose path is the device's name, perhaps after a version: `https://HOST/v1/projects/…` |

use protocol::DeviceName;

use super::error::OAuthError;
use super::params::Params;

/// The device of the request: `invalid_request` when none is named, `invalid_target` when it is no device or not one.
pub(super) fn device(params: &Params) -> Result<DeviceName, OAuthError> {
    let audiences = params.all("audience").map(|a| (a, from_audience(a)));
    let resources = params.all("resource").map(|r| (r, from_resource(r)));
    let mut found: Option<DeviceName> = None;
    for (given, path) in audiences.chain(resources) {
        let shown: String = given.chars().take(256).collect();
        let path = path.ok_or_else(|| OAuthError::new("invalid_target", format!("resource `{shown}` is no absolute URI of a device")))?;
        let name: DeviceName = path.parse().map_err(|e: protocol::NameError| OAuthError::new("invalid_target", e.to_string()))?;
        if found.as_ref().is_some_and(|other| *other != name) {
            let text = format!("`{shown}` and another audience or resource name different devices");
            return Err(OAuthError::new("invalid_target", text));
        }
        found = Some(name);
    }
    found.ok_or_else(|| OAuthError::invalid_request("name the device by `audience`: its name, `projects/.../devices/...`"))
}

fn from_audience(given: &str) -> Option<&str> {
    match given.strip_prefix("//") {
        Some(full) => full.split_once('/').map(|(_, path)| path),
        None => Some(given),
    }
}

/// RFC 8693, section 2.1: absolute, without a fragment; a query has no meaning here.
fn from_resource(given: &str) -> Option<&str> {
    let (scheme, rest) = given.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let is_plain = !scheme.is_empty() && !host.is_empty() && !path.contains(['?', '#']);
    let path = path.strip_prefix("v1/").or_else(|| path.strip_prefix("v1beta1/")).unwrap_or(path);
    is_plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "projects/p/locations/l/registries/reg/devices/dev";

    #[test]
    fn every_form_names_the_same_device() {
        for form in [NAME.to_owned(), format!("//cloudiot.googleapis.com/{NAME}")] {
            assert_eq!(from_audience(&form), Some(NAME), "{form}");
        }
        for form in [format!("https://x.org/{NAME}"), format!("http://127.0.0.1:80/v1/{NAME}"), format!("https://x/v1beta1/{NAME}")] {
            assert_eq!(from_resource(&form), Some(NAME), "{form}");
        }
        for form in [NAME.to_owned(), format!("https://x/{NAME}#a"), format!("https://x/{NAME}?a"), "https://x".into(), "://x/y".into()] {
            assert_eq!(from_resource(&form), None, "{form}");
        }
    }
}
