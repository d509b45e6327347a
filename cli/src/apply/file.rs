//! The file: what is wanted. A word in it that nobody knows would be obeyed by nobody, so it is refused.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;
use std::{fs, mem};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

use super::{field, policy};
use crate::error::usage;
use crate::resource::Resource;
use crate::session::Session;

/// A resource with the fields that it is to have.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) about: Resource,
    pub(super) fields: Map<String, Value>,
}

/// A registry with its devices.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) item: Item,
    pub(super) policy: Option<policy::Wanted>,
    pub(super) devices: Vec<Item>,
}

/// All that the file says.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) registries: Vec<Registry>,
}

impl Wanted {
    /// Reads and checks it. The session says where a registry is that has an id alone.
    pub(super) fn read(file: &Path, session: &Session) -> Result<Self> {
        let shown = file.display();
        let text = if file == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).context("reading the standard input")?;
            text
        } else {
            fs::read_to_string(file).map_err(|e| usage(format!("{shown}: {e}")))?
        };
        if text.contains("PRIVATE KEY") {
            return Err(usage(format!("{shown} holds a private key, which must not leave its device: give its public half")));
        }
        let document: Value = serde_json::from_str(&text).map_err(|e| usage(format!("{shown} is not JSON: {e}")))?;
        Self::of(document, session).map_err(|e| usage(format!("{shown}: {e}")))
    }

    fn of(document: Value, session: &Session) -> Result<Self> {
        let mut document = object(document, "the file")?;
        let registries = list(&mut document, "registries")?;
        known(&document, &[], "the file", "registries")?;
        let registries = registries.into_iter().map(|found| registry(found, session)).collect::<Result<Vec<_>>>()?;
        let devices = registries.iter().flat_map(|registry| &registry.devices);
        let mut names = BTreeSet::new();
        for item in registries.iter().map(|registry| &registry.item).chain(devices) {
            if !names.insert(item.about.segments()) {
                return Err(usage(format!("{} is there twice", item.about)));
            }
        }
        Ok(Self { registries })
    }
}

fn registry(found: Value, session: &Session) -> Result<Registry> {
    let mut fields = object(found, "a registry")?;
    let name = [fields.remove("name"), fields.remove("id")].into_iter().flatten().find_map(|v| v.as_str().map(str::to_owned));
    let about = session.registry(&name.ok_or_else(|| usage("a registry has neither `id` nor `name`"))?)?;
    let devices = list(&mut fields, "devices")?;
    let policy = policy::Wanted::read(&mut fields, &about.to_string())?;
    known(&fields, &field::REGISTRY, &about.to_string(), &format!("id, name, devices, {}", policy::FIELDS.join(", ")))?;
    let devices = devices.into_iter().map(|found| device(found, &about)).collect::<Result<_>>()?;
    Ok(Registry { item: Item { about, fields }, policy, devices })
}

fn device(found: Value, registry: &Resource) -> Result<Item> {
    let mut fields = object(found, "a device")?;
    let id = fields.remove("id").and_then(|v| v.as_str().map(str::to_owned));
    let id = id.filter(|id| !id.contains('/')).ok_or_else(|| usage(format!("a device of {registry} has no `id`")))?;
    let about = Resource::device(&id, || Ok(registry.clone()))?;
    known(&fields, &field::DEVICE, &about.to_string(), "id")?;
    Ok(Item { about, fields })
}

/// Its fields; what is null was not said.
fn object(found: Value, what: &str) -> Result<Map<String, Value>> {
    let Value::Object(fields) = found else { return Err(usage(format!("{what} must be an object, not {found}"))) };
    Ok(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

fn list(fields: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>> {
    match fields.remove(name).map(|mut value| value.as_array_mut().map(mem::take)) {
        None => Ok(Vec::new()),
        Some(Some(items)) => Ok(items),
        Some(None) => Err(usage(format!("`{name}` must be a list"))),
    }
}

fn known(fields: &Map<String, Value>, names: &[&str], what: &str, others: &str) -> Result<()> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(usage(format!(
            "{what} has a field `{name}`, which is not known there; known are {}",
            [&[others], names].concat().join(", ")
        ))),
    }
}
