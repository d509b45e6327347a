//! What has to be done, found by comparing what is wanted with what is there.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::field;
use super::file::{Item, Wanted};
use super::policy;
use super::step::{Action, Change, Step};
use crate::client::Request;
use crate::policies;
use crate::resource::Resource;
use crate::session::Session;

/// The steps, in their order: registries before their devices; deletions last, devices before their registries.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Of the file.
    resources: usize,
    /// That are there and not in the file, and stay.
    beside: usize,
}

/// What is there in one place: by id.
type There = BTreeMap<String, Value>;

impl Plan {
    pub(super) fn of(wanted: &Wanted, session: &Session, prune: bool) -> Result<Self> {
        let (mut plan, mut deletions) = (Self::default(), Vec::new());
        let mut places: Vec<(Resource, There)> = Vec::new();
        for registry in &wanted.registries {
            let place = registry.item.about.place();
            if !places.iter().any(|(known, _)| *known == place) {
                places.push((place.clone(), all(session, &place, "registries", "deviceRegistries", &[])?));
            }
            let there = places.iter_mut().find(|(known, _)| *known == place).and_then(|(_, there)| there.remove(registry.item.about.id()));
            let is_new = there.is_none();
            plan.compare(&registry.item, there, &field::REGISTRY);
            plan.compare_policy(&registry.item.about, registry.policy.as_ref(), session, is_new)?;
            let mut devices = if is_new { There::new() } else { all(session, &registry.item.about, "devices", "devices", &field::DEVICE)? };
            for device in &registry.devices {
                plan.compare(device, devices.remove(device.about.id()), &field::DEVICE);
            }
            deletions.extend(devices_left(&registry.item.about, devices)?);
        }
        for (place, there) in places {
            for id in there.into_keys() {
                let registry = Resource::registry(&id, || Ok(place.clone()))?;
                let devices = if prune { all(session, &registry, "devices", "devices", &[])? } else { There::new() };
                deletions.extend(devices_left(&registry, devices)?);
                deletions.push(registry);
            }
        }
        if prune {
            plan.steps.extend(deletions.into_iter().map(|about| Step { about, action: Action::Delete }));
        } else {
            plan.beside = deletions.len();
        }
        Ok(plan)
    }

    fn compare(&mut self, item: &Item, there: Option<Value>, fields: &[&'static str]) {
        self.resources += 1;
        let action = match there {
            None => Action::Create(item.fields.clone()),
            Some(there) => match changes(&item.fields, &there, fields) {
                none if none.is_empty() => return,
                some => Action::Update(some),
            },
        };
        self.steps.push(Step { about: item.about.clone(), action });
    }

    /// A registry that is not there yet will have none, whose etag is `ACAB`.
    fn compare_policy(&mut self, about: &Resource, wanted: Option<&policy::Wanted>, session: &Session, is_new: bool) -> Result<()> {
        let Some(wanted) = wanted else { return Ok(()) };
        self.resources += 1;
        let there = if is_new { json!({ "etag": "ACAB" }) } else { session.send(&policies::get(about))?.unwrap_or_default() };
        let change = wanted.change(&there);
        self.steps.extend(change.map(|change| Step { about: about.clone(), action: Action::SetPolicy(change) }));
        Ok(())
    }

    /// As in "2 created, 1 updated, 0 deleted".
    pub(super) fn counts(&self) -> String {
        let of = |verb: &str| self.steps.iter().filter(|step| step.verb() == verb).count();
        format!("{} created, {} updated, {} deleted", of("create"), of("update"), of("delete"))
    }
}

fn changes(wanted: &Map<String, Value>, there: &Value, fields: &[&'static str]) -> Vec<Change> {
    let named = fields.iter().filter_map(|field| Some((*field, wanted.get(*field)?)));
    let differ = named.filter(|(field, to)| !field::same(field, to, &there[*field]));
    differ.map(|(field, to)| Change { field, from: there[field].clone(), to: to.clone() }).collect()
}

fn devices_left(registry: &Resource, there: There) -> Result<Vec<Resource>> {
    there.into_keys().map(|id| Resource::device(&id, || Ok(registry.clone()))).collect()
}

/// Everything in a collection, by id, with these fields.
fn all(session: &Session, parent: &Resource, collection: &'static str, rows: &str, fields: &[&str]) -> Result<There> {
    let request = Request::get(parent).below(collection);
    let request = if fields.is_empty() { request } else { request.query("fieldMask", fields.join(",")) };
    let found = session.all(&request, rows)?;
    Ok(found.into_iter().filter_map(|row| Some((row["id"].as_str()?.to_owned(), row))).collect())
}

/// A line for each step, then what they come to.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| step.fmt(f))?;
        if self.steps.is_empty() {
            writeln!(f, "Nothing to do: {} resources are as the file says.", self.resources)?;
        } else {
            let of = |verb: &str| self.steps.iter().filter(|step| step.verb() == verb).count();
            writeln!(f, "Plan: {} to create, {} to update, {} to delete.", of("create"), of("update"), of("delete"))?;
        }
        if self.beside > 0 {
            writeln!(f, "{} more are there that the file does not name; --prune deletes them.", self.beside)?;
        }
        Ok(())
    }
}
