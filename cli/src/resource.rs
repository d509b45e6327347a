//! What a verb is about: a place, a registry in it, or a device in that.

use std::fmt;

use anyhow::Result;

use crate::error::usage;

/// The parts of a full name: `projects/{p}/locations/{l}[/registries/{r}[/devices/{d}]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource(Vec<String>);

/// `projects/{p}/locations/{l}`.
const PLACE_PARTS: usize = 4;
const REGISTRIES: &str = "registries";
const DEVICES: &str = "devices";
const COMMANDS: &str = "commands";
const BROADCASTS: &str = "broadcasts";

impl Resource {
    /// Where registries live.
    pub(crate) fn location(project: &str, region: &str) -> Result<Self> {
        Self(Vec::new()).child("projects", project)?.child("locations", region)
    }

    /// `given` as a full name of a registry (`projects/…`), or as an id in the place that `parent` finds.
    pub(crate) fn registry(given: &str, parent: impl FnOnce() -> Result<Self>) -> Result<Self> {
        Self::named(given, &["projects", "locations", REGISTRIES], parent)
    }

    /// The same for a device; its id or its number.
    pub(crate) fn device(given: &str, parent: impl FnOnce() -> Result<Self>) -> Result<Self> {
        Self::named(given, &["projects", "locations", REGISTRIES, DEVICES], parent)
    }

    /// The same for a command of a device that waits, or did.
    pub(crate) fn command(given: &str, parent: impl FnOnce() -> Result<Self>) -> Result<Self> {
        Self::named(given, &["projects", "locations", REGISTRIES, DEVICES, COMMANDS], parent)
    }

    /// The same for a broadcast of a registry.
    pub(crate) fn broadcast(given: &str, parent: impl FnOnce() -> Result<Self>) -> Result<Self> {
        Self::named(given, &["projects", "locations", REGISTRIES, BROADCASTS], parent)
    }

    fn named(given: &str, collections: &[&str], parent: impl FnOnce() -> Result<Self>) -> Result<Self> {
        if !given.contains('/') {
            return parent()?.child(collections[collections.len() - 1], given);
        }
        let parts: Vec<_> = given.split('/').collect();
        let fits = parts.len() == 2 * collections.len() && parts.chunks(2).zip(collections).all(|(pair, c)| pair[0] == *c);
        if !fits {
            let form: Vec<_> = collections.iter().map(|c| format!("{c}/…")).collect();
            return Err(usage(format!("`{given}` is neither an id nor a full name, which is {}", form.join("/"))));
        }
        parts.chunks(2).try_fold(Self(Vec::new()), |all, pair| all.child(pair[0], pair[1]))
    }

    /// One level down. The server judges the id; here it only must not lead to another path.
    fn child(mut self, collection: &str, id: &str) -> Result<Self> {
        if matches!(id, "" | "." | "..") || id.contains(['/', '?', '#']) {
            return Err(usage(format!("`{id}` is no id of {collection}: it starts with a letter, letters, digits and -._+~% follow")));
        }
        self.0.extend([collection.to_owned(), id.to_owned()]);
        Ok(self)
    }

    /// The parts of its path.
    pub(crate) fn segments(&self) -> &[String] {
        &self.0
    }

    /// The location that it is in.
    pub(crate) fn place(&self) -> Self {
        Self(self.0.iter().take(PLACE_PARTS).cloned().collect())
    }

    /// As in `registries/r/devices/d`: without the location.
    pub(crate) fn path_in_its_place(&self) -> String {
        self.0.get(PLACE_PARTS..).unwrap_or_default().join("/")
    }

    /// Its own id.
    pub(crate) fn id(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    fn kind(&self) -> &'static str {
        match self.0.iter().nth_back(1).map(String::as_str) {
            Some(BROADCASTS) => "broadcast",
            Some(COMMANDS) => "command",
            Some(DEVICES) => "device",
            Some(REGISTRIES) => "registry",
            _ => "location",
        }
    }

    /// The id above it that stands under `collection`.
    fn part(&self, collection: &str) -> &str {
        self.0.chunks(2).find(|pair| pair[0] == collection).map_or("", |pair| &pair[1])
    }

    /// The command that lists the registries of the same place.
    pub(crate) fn list_registries(&self) -> String {
        format!("drawbridge registries list --project {} --region {}", self.part("projects"), self.part("locations"))
    }

    /// The command that shows the policy of this registry.
    pub(crate) fn show_policy(&self) -> String {
        let (project, region) = (self.part("projects"), self.part("locations"));
        format!("drawbridge registries get-iam-policy {} --project {project} --region {region}", self.id())
    }

    /// The command that lists the devices of the same registry.
    pub(crate) fn list_devices(&self) -> String {
        format!("drawbridge devices list {}", self.within())
    }

    /// The command that lists the configurations of this device.
    pub(crate) fn list_configs(&self) -> String {
        format!("drawbridge configs list {} {}", self.id(), self.within())
    }

    /// The command that lists the commands of this device, or of the device of this command.
    pub(crate) fn list_commands(&self) -> String {
        format!("drawbridge commands list {} {}", self.part(DEVICES), self.within())
    }

    /// The flags that name its registry.
    pub(crate) fn within(&self) -> String {
        let (project, region) = (self.part("projects"), self.part("locations"));
        format!("--registry {} --project {project} --region {region}", self.part(REGISTRIES))
    }

    /// The command that lists what is beside it.
    pub(crate) fn list_siblings(&self) -> String {
        match self.kind() {
            "command" => self.list_commands(),
            "device" | "broadcast" => self.list_devices(),
            _ => self.list_registries(),
        }
    }
}

/// As in "device `d`".
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_needs_no_place_and_a_path_is_no_id() {
        let place = || Resource::location("p", "r");
        let full = "projects/p/locations/r/registries/x/devices/d";
        let registry = Resource::registry("x", place).unwrap();
        assert_eq!(Resource::device(full, || unreachable!()).unwrap(), Resource::device("d", || Ok(registry)).unwrap());
        for wrong in ["..", "", "a/b", "projects/p/locations/r/registries/..", "projects/p/locations/r/devices/x", "a?b"] {
            assert!(Resource::registry(wrong, place).is_err(), "{wrong}");
        }
    }
}
