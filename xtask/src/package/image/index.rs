//! One image for several machines: an index that names each one's manifest (OCI image specification, "Image Index"). umoci
//! makes an image for one machine at a time.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::shell;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const TAG: &str = "org.opencontainers.image.ref.name";

/// Puts the images of `layout` that are called as in `machines` below one index called `name`.
pub(super) fn join(layout: &Path, name: &str, machines: &[&str]) -> Result<()> {
    let file = layout.join("index.json");
    let old: Value = serde_json::from_slice(&fs::read(&file)?)?;
    let manifests = machines.iter().map(|machine| manifest(&old, machine)).collect::<Result<Vec<_>>>()?;
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string();
    let made = layout.join("made.json");
    fs::write(&made, &index)?;
    let sum = shell::output(Command::new("sha256sum").arg(&made))?;
    let digest = sum.split(' ').next().unwrap_or_default().to_owned();
    fs::rename(made, layout.join("blobs/sha256").join(&digest))?;
    let entry = json!({ "mediaType": INDEX, "digest": format!("sha256:{digest}"), "size": index.len(), "annotations": { TAG: name } });
    // Nothing else is named there: `skopeo` would ask which one is meant.
    fs::write(file, json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string())?;
    println!("{name}@sha256:{digest}");
    Ok(())
}

fn manifest(index: &Value, machine: &str) -> Result<Value> {
    let entries = index["manifests"].as_array().context("the layout has no index")?;
    let entry = entries.iter().find(|entry| entry["annotations"][TAG] == machine);
    let mut entry = entry.with_context(|| format!("the layout has no image for {machine}"))?.clone();
    let entry_fields = entry.as_object_mut().context("an entry of the index is no object")?;
    entry_fields.remove("annotations");
    entry_fields.insert("platform".into(), json!({ "os": "linux", "architecture": machine }));
    Ok(entry)
}
