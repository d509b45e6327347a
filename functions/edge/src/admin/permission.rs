//! Which IAM permission a call of Cloud IoT's API needs, and on what. Source: the permission names of
//! cloud.google.com/iot/docs/how-tos/iam; the calls beside Google's (broadcasts, commands that wait) need what their
//! nearest of Google's does.
//!
//! The permission is read from the path as it was routed, what it is on from the names in it as the handlers read them, decoded:
//! whoever may look at `a%62c` may not look at `abc`.

use axum::http::Method;

use crate::PathParams;

/// What only `roles/cloudiot.admin` holds: for all that is none of Google's calls.
const ADMINISTER: &str = "cloudiot.registries.setIamPolicy";
const BIND: &str = "cloudiot.devices.bindGateway";
const UNBIND: &str = "cloudiot.devices.unbindGateway";

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// As in `cloudiot.devices.get`; `None` where it is enough to be somebody.
    pub(super) permission: Option<&'static str>,
    /// A name as in `projects/p/locations/l/registries/r/devices/d`; empty for the installation as a whole.
    pub(super) resource: String,
}

impl Asked {
    /// Reads a path in the normal form of `google_paths`, whose placeholders are `params`.
    pub(super) fn of(method: &Method, path: &str, params: &PathParams) -> Self {
        let segments: Vec<&str> = path.split('/').skip(2).collect();
        let permission = match segments[..] {
            ["projects", _, "locations", _, ref rest @ ..] => in_location(method.as_str(), rest),
            _ => Some(ADMINISTER),
        };
        Self { permission, resource: resource(permission, |name| params.text(name)) }
    }
}

/// What the names of a path are of. A device in a group is the group's. Bindings are the registry's: who binds draws a device
/// into the group, and so into reach of those who have a role there.
fn resource<'a>(permission: Option<&str>, named: impl Fn(&'static str) -> &'a str) -> String {
    let is_binding = permission.is_some_and(|permission| [BIND, UNBIND].contains(&permission));
    let (group, device) = (named("group"), named("device"));
    let below = if group.is_empty() { ("devices", device) } else { ("groups", if is_binding { "" } else { group }) };
    let mut resource = String::new();
    for (collection, id) in [("projects", named("project")), ("locations", named("location")), ("registries", named("registry")), below] {
        if id.is_empty() {
            break;
        }
        let slash = if resource.is_empty() { "" } else { "/" };
        resource.extend([slash, collection, "/", id]);
    }
    resource
}

fn in_location(method: &str, rest: &[&str]) -> Option<&'static str> {
    match (method, rest) {
        ("GET", ["registries"]) => Some("cloudiot.registries.list"),
        ("POST", ["registries"]) => Some("cloudiot.registries.create"),
        ("POST", ["registries", _, "~testIamPermissions"] | ["registries", _, "groups", _, "~testIamPermissions"]) => None,
        (_, ["registries", _, "groups", _, rest @ ..] | ["registries", _, rest @ ..]) => Some(in_registry(method, rest)),
        _ => Some(ADMINISTER),
    }
}

fn in_registry(method: &str, rest: &[&str]) -> &'static str {
    match (method, rest) {
        ("GET", [] | ["broadcasts", ..]) => "cloudiot.registries.get",
        ("PATCH", []) => "cloudiot.registries.update",
        ("DELETE", []) => "cloudiot.registries.delete",
        ("POST", ["~getIamPolicy"]) => "cloudiot.registries.getIamPolicy",
        ("POST", ["~bindDeviceToGateway"]) => BIND,
        ("POST", ["~unbindDeviceFromGateway"]) => UNBIND,
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
    use std::collections::BTreeMap;

    use super::*;

    const L: &str = "projects/p/locations/l";

    /// What is asked of this path below the location.
    fn asked(method: &str, path: &str) -> (Option<&'static str>, String) {
        let segments: Vec<&str> = path.split('/').collect();
        let permission = in_location(method, &segments);
        let singular = |collection: &str| match collection {
            "registries" => "registry",
            "groups" => "group",
            "devices" => "device",
            _ => "",
        };
        let pairs = segments.chunks_exact(2).map(|pair| (singular(pair[0]), pair[1])).filter(|(_, id)| !id.starts_with('~'));
        let names: BTreeMap<&str, &str> = pairs.chain([("project", "p"), ("location", "l")]).collect();
        (permission, resource(permission, |name| names.get(name).copied().unwrap_or_default()))
    }

    #[test]
    fn every_call_of_googles_api_needs_its_permission() {
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
            ("POST", "registries/r/groups/g/~setIamPolicy", "registries.setIamPolicy", "/registries/r/groups/g"),
            ("POST", "registries/r/devices", "devices.create", "/registries/r"),
            ("GET", "registries/r/groups/g/devices", "devices.list", "/registries/r/groups/g"),
            ("GET", "registries/r/groups/g/devices/d", "devices.get", "/registries/r/groups/g"),
            ("GET", "registries/r/devices/d", "devices.get", "/registries/r/devices/d"),
            ("PATCH", "registries/r/devices/d", "devices.update", "/registries/r/devices/d"),
            ("DELETE", "registries/r/devices/d", "devices.delete", "/registries/r/devices/d"),
            ("POST", "registries/r/devices/d/~modifyCloudToDeviceConfig", "devices.updateConfig", "/registries/r/devices/d"),
            ("POST", "registries/r/devices/d/~sendCommandToDevice", "devices.sendCommand", "/registries/r/devices/d"),
            ("GET", "registries/r/devices/d/states", "devices.get", "/registries/r/devices/d"),
            ("DELETE", "registries/r/devices/d/commands/c", "devices.sendCommand", "/registries/r/devices/d"),
            ("POST", "registries/r/~broadcastCommand", "devices.sendCommand", "/registries/r"),
        ] {
            let expected = (format!("cloudiot.{permission}"), format!("{L}{resource}"));
            let (permission, resource) = asked(method, path);
            assert_eq!((permission.unwrap().to_owned(), resource), expected, "{method} {path}");
        }
    }

    #[test]
    fn to_ask_what_one_may_needs_nothing() {
        for of in ["registries/r", "registries/r/groups/g"] {
            assert_eq!(asked("POST", &format!("{of}/~testIamPermissions")), (None, format!("{L}/{of}")));
        }
    }

    #[test]
    fn what_is_none_of_them_needs_what_only_the_admin_role_has() {
        for (method, path) in [
            ("PUT", "registries/r"),
            ("POST", "registries/r/devices/d/~erase"),
            ("GET", "registries/r/devices/d/secrets"),
            ("GET", "registries/r/~testIamPermissions"),
            ("GET", "other"),
        ] {
            assert_eq!(asked(method, path).0, Some(ADMINISTER), "{method} {path}");
        }
        assert_eq!(resource(Some(ADMINISTER), |_| ""), "", "the installation as a whole");
    }
}
