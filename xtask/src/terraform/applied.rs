//! What was applied, as Terraform's state has it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::root::Root;

/// A resource that Terraform made.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) address: String,
    pub(super) kind: String,
    pub(super) values: Value,
    /// The same shape, with `true` where the provider calls a value a secret.
    pub(super) secret: Value,
    /// The attribute that labels go into; `None` where this kind of resource has none.
    pub(super) labels: Option<String>,
}

/// All that is there, without what was only read.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) resources: Vec<Resource>,
    /// The state file itself.
    pub(super) state: String,
}

/// Where labels go: at Google `tags` are something else.
const LABELS: [&str; 3] = ["user_labels", "labels", "tags"];

impl Applied {
    pub(super) fn read(root: &Root) -> Result<Self> {
        let shown: Value = serde_json::from_str(&root.run(&["show", "-json"])?).context("`terraform show -json`")?;
        let schema: Value = serde_json::from_str(&root.run(&["providers", "schema", "-json"])?).context("`terraform providers schema`")?;
        let labels = labelled(&schema);
        let mut resources = Vec::new();
        below(&shown["values"]["root_module"], &labels, &mut resources);
        ensure!(!resources.is_empty(), "the state is empty: was it applied?");
        let state = std::fs::read_to_string(root.path("terraform.tfstate")).context("reading the state")?;
        Ok(Self { resources, state })
    }

    pub(super) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |one| one.kind == kind)
    }
}

/// Each kind that takes labels, with the attribute for them.
fn labelled(schema: &Value) -> BTreeMap<String, String> {
    let providers = schema["provider_schemas"].as_object().into_iter().flatten();
    let kinds = providers.flat_map(|(_, provider)| provider["resource_schemas"].as_object().into_iter().flatten());
    let attribute = |kind: &str, one: &Value| {
        let takes = |name: &&str| {
            let found = &one["block"]["attributes"][*name];
            let is_map = found["type"] == serde_json::json!(["map", "string"]) && found["optional"] == true;
            is_map && (**name != *"tags" || kind.starts_with("aws_"))
        };
        LABELS.into_iter().find(takes)
    };
    kinds.filter_map(|(kind, one)| Some((kind.clone(), attribute(kind, one)?.to_owned()))).collect()
}

fn below(module: &Value, labels: &BTreeMap<String, String>, found: &mut Vec<Resource>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for one in module["resources"].as_array().into_iter().flatten().filter(|one| one["mode"] == "managed") {
        let kind = text(&one["type"]);
        found.push(Resource {
            address: text(&one["address"]),
            labels: labels.get(&kind).cloned(),
            kind,
            values: one["values"].clone(),
            secret: one["sensitive_values"].clone(),
        });
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        below(child, labels, found);
    }
}
