//! Which IAM permission a call of Cloud IoT's API needs, and on what. Source: the permission names of
//! cloud.google.com/iot/docs/how-tos/iam; the calls beside Google's (broadcasts, commands that wait) need what their
//! nearest of Google's does.

use axum::http::Method;

/// What only `roles/cloudiot.admin` holds: for all that is none of Google's calls.
const ADMINISTER: &str = "cloudiot.registries.setIamPolicy";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// As in `cloudiot.devices.get`.
    pub(super) permission: &'static str,
    /// A name as in `projects/p/locations/l/registries/r/devices/d`; empty for the installation as a whole.
    pub(super) resource: String,
}

/// Reads a path in the normal form of `google_paths`.
pub(super) fn asked(method: &Method, path: &str) -> Asked {
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    match segments[..] {
        ["projects", project, "locations", location, ref rest @ ..] => {
            let parent = format!("projects/{project}/locations/{location}");
            let (permission, length) = in_location(method, rest);
            let resource = std::iter::once(parent.as_str()).chain(rest[..length].iter().copied()).collect::<Vec<_>>().join("/");
            Asked { permission, resource }
        }
        _ => Asked { permission: ADMINISTER, resource: String::new() },
    }
}

/// The permission, and how many segments name the resource.
fn in_location(method: &Method, rest: &[&str]) -> (&'static str, usize) {
    match (method.as_str(), rest) {
        ("GET", ["registries"]) => ("cloudiot.registries.list", 0),
        ("POST", ["registries"]) => ("cloudiot.registries.create", 0),
        // A group shows a part of its registry.
        (_, ["registries", _, "groups", _, rest @ ..]) => (in_registry(method.as_str(), rest), 2),
        (_, ["registries", _, "devices", _, ..]) => (in_registry(method.as_str(), &rest[2..]), 4),
        (_, ["registries", _, rest @ ..]) => (in_registry(method.as_str(), rest), 2),
        _ => (ADMINISTER, 0),
    }
}

fn in_registry(method: &str, rest: &[&str]) -> &'static str {
    match (method, rest) {
        ("GET", [] | ["broadcasts", ..]) | ("POST", ["~testIamPermissions"]) => "cloudiot.registries.get",
        ("PATCH", []) => "cloudiot.registries.update",
        ("DELETE", []) => "cloudiot.registries.delete",
        ("POST", ["~getIamPolicy"]) => "cloudiot.registries.getIamPolicy",
        ("POST", ["~bindDeviceToGateway"]) => "cloudiot.devices.bindGateway",
        ("POST", ["~unbindDeviceFromGateway"]) => "cloudiot.devices.unbindGateway",
        ("GET", ["devices"]) => "cloudiot.devices.list",
        ("POST", ["devices"]) => "cloudiot.devices.create",
        ("GET", ["devices", _] | ["devices", _, "configVersions" | "states"] | ["devices", _, "commands", ..]) => "cloudiot.devices.get",
        ("PATCH", ["devices", _]) => "cloudiot.devices.update",
        ("DELETE", ["devices", _]) => "cloudiot.devices.delete",
        ("POST", ["devices", _, "~modifyCloudToDeviceConfig"]) => "cloudiot.devices.updateConfig",
        ("POST", ["devices", _, "~sendCommandToDevice"] | ["~broadcastCommand"] | ["broadcasts", _, "~advance" | "~cancel"])
        | ("DELETE", ["devices", _, "commands", _]) => "cloudiot.devices.sendCommand",
        _ => ADMINISTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_googles_api_needs_its_permission() {
        const L: &str = "projects/p/locations/l";
        for (method, path, permission, resource) in [
            ("GET", "registries", "registries.list", ""),
            ("POST", "registries", "registries.create", ""),
            ("GET", "registries/r", "registries.get", "/registries/r"),
            ("PATCH", "registries/r", "registries.update", "/registries/r"),
            ("DELETE", "registries/r", "registries.delete", "/registries/r"),
            ("POST", "registries/r/~bindDeviceToGateway", "devices.bindGateway", "/registries/r"),
            ("POST", "registries/r/groups/g/~unbindDeviceFromGateway", "devices.unbindGateway", "/registries/r"),
            ("POST", "registries/r/~getIamPolicy", "registries.getIamPolicy", "/registries/r"),
            ("POST", "registries/r/~setIamPolicy", "registries.setIamPolicy", "/registries/r"),
            ("POST", "registries/r/devices", "devices.create", "/registries/r"),
            ("GET", "registries/r/groups/g/devices", "devices.list", "/registries/r"),
            ("GET", "registries/r/devices/d", "devices.get", "/registries/r/devices/d"),
            ("PATCH", "registries/r/devices/d", "devices.update", "/registries/r/devices/d"),
            ("DELETE", "registries/r/devices/d", "devices.delete", "/registries/r/devices/d"),
            ("POST", "registries/r/devices/d/~modifyCloudToDeviceConfig", "devices.updateConfig", "/registries/r/devices/d"),
            ("POST", "registries/r/devices/d/~sendCommandToDevice", "devices.sendCommand", "/registries/r/devices/d"),
            ("GET", "registries/r/devices/d/states", "devices.get", "/registries/r/devices/d"),
            ("DELETE", "registries/r/devices/d/commands/c", "devices.sendCommand", "/registries/r/devices/d"),
            ("POST", "registries/r/~broadcastCommand", "devices.sendCommand", "/registries/r"),
        ] {
            let asked = asked(&method.parse().unwrap(), &format!("/v1/{L}/{path}"));
            assert_eq!(
                (asked.permission, asked.resource),
                (&*format!("cloudiot.{permission}"), format!("{L}{resource}")),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_is_none_of_them_needs_what_only_the_admin_role_has() {
        for (method, path) in [
            ("PUT", "/v1/projects/p/locations/l/registries/r"),
            ("POST", "/v1/projects/p/locations/l/registries/r/devices/d/~erase"),
            ("GET", "/v1/projects/p/locations/l/registries/r/devices/d/secrets"),
            ("POST", "/v1/tokenServiceFaults"),
            ("GET", "/"),
        ] {
            assert_eq!(asked(&method.parse().unwrap(), path).permission, ADMINISTER, "{method} {path}");
        }
    }
}
