//! Bills of materials: what each program is made of (CycloneDX 1.5, JSON). The functions have two: Lambda's zip leaves out what has
//! no use there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::build::{self, FOR_LAMBDA};
use crate::shell;

/// What a bill is made of.
struct Bill {
    /// Its name, before `.cdx.json`.
    name: &'static str,
    package: &'static str,
    /// The folder of the package.
    place: &'static str,
    /// As the program is built.
    features: &'static [&'static str],
}

/// How the program in the zip is built, behind its name.
const LEAN: &[&str] = FOR_LAMBDA.split_at(2).1;

const BILLS: [Bill; 4] = [
    Bill { name: "drawbridge-shim", package: "drawbridge-shim", place: "device-shim", features: &[] },
    Bill { name: "drawbridge", package: "drawbridge", place: "cli", features: &[] },
    Bill { name: "drawbridge-function", package: "drawbridge-function", place: "infra/host", features: &[] },
    Bill { name: "drawbridge-function-lambda", package: "drawbridge-function", place: "infra/host", features: LEAN },
];

/// Writes one for each program.
pub(crate) fn make(cyclonedx: &Path, folder: &Path) -> Result<()> {
    for bill in &BILLS {
        let mut command = Command::new(cyclonedx);
        command.arg("cyclonedx").arg("--manifest-path").arg(shell::root().join(bill.place).join("Cargo.toml"));
        command.args(["--format", "json", "--spec-version", "1.5", "--quiet", "--override-filename", "drawbridge-bill"]);
        shell::run(command.env("SOURCE_DATE_EPOCH", build::epoch()?))?;
        let content = take_all(bill.package)?.with_context(|| format!("no bill of materials of {}", bill.package))?;
        let content = held_to(serde_json::from_str(&content)?, &parts(bill)?);
        fs::write(folder.join(format!("{}.cdx.json", bill.name)), format!("{content:#}\n")).context("writing a bill of materials")?;
    }
    Ok(())
}

/// cargo-cyclonedx writes beside every manifest of the workspace that it visits: returns the one of `package`, removes all.
fn take_all(package: &str) -> Result<Option<String>> {
    let metadata = shell::output(shell::cargo_command().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut taken = None;
    for member in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(member["manifest_path"].as_str().unwrap_or_default());
        let bill = manifest.with_file_name("drawbridge-bill.json");
        if !bill.exists() {
            continue;
        }
        if member["name"] == package {
            // No path of this machine.
            taken = Some(fs::read_to_string(&bill)?.replace(&shell::root().display().to_string(), "/drawbridge"));
        }
        fs::remove_file(&bill)?;
    }
    Ok(taken)
}

/// Name and version of all that the program is built from. cargo-cyclonedx knows the features that the whole workspace asks for
/// together; cargo knows those of one build.
fn parts(bill: &Bill) -> Result<BTreeSet<(String, String)>> {
    let mut tree = shell::cargo_command();
    tree.args(["tree", "--package", bill.package, "--edges", "normal,build", "--target", "all", "--locked"]).args(bill.features);
    let tree = shell::output(tree.args(["--prefix", "none", "--format", "{p}"]))?;
    let words = tree.lines().map(|line| line.split(' '));
    // `name v1.2.3 (…)`
    Ok(words.filter_map(|mut words| Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))).collect())
}

/// The bill without what is not of `parts`.
fn held_to(mut bill: Value, parts: &BTreeSet<(String, String)>) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut gone = BTreeSet::new();
    if let Some(components) = bill["components"].as_array_mut() {
        components.retain(|component| {
            let is_part = parts.contains(&(text(&component["name"]), text(&component["version"])));
            if !is_part {
                gone.insert(text(&component["bom-ref"]));
            }
            is_part
        });
    }
    if let Some(dependencies) = bill["dependencies"].as_array_mut() {
        dependencies.retain(|of| !gone.contains(&text(&of["ref"])));
        for of in dependencies.iter_mut().filter_map(|of| of.get_mut("dependsOn")?.as_array_mut()) {
            of.retain(|on| !gone.contains(&text(on)));
        }
    }
    bill
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_zip_leaves_out_is_not_in_its_bill() {
        let of = |name: &str| parts(BILLS.iter().find(|bill| bill.name == name).unwrap()).unwrap();
        let (full, lean) = (of("drawbridge-function"), of("drawbridge-function-lambda"));
        let has = |parts: &BTreeSet<(String, String)>, name: &str| parts.iter().any(|(part, _)| part == name);
        assert!(["infra-nats", "gcloud-sdk", "sled"].iter().all(|left_out| has(&full, left_out) && !has(&lean, left_out)));
        assert!(lean.is_subset(&full) && has(&lean, "aws-sdk-dynamodb"));
    }

    #[test]
    fn a_bill_keeps_the_parts_of_its_build_and_what_leads_to_them() {
        let component = |name| json!({"name": name, "version": "1.0.0", "bom-ref": name});
        let bill = json!({
            "components": [component("kept"), component("gone")],
            "dependencies": [{"ref": "root", "dependsOn": ["kept", "gone"]}, {"ref": "kept", "dependsOn": ["gone"]}, {"ref": "gone"}, {"ref": "leaf"}],
        });
        let parts = BTreeSet::from([("kept".to_owned(), "1.0.0".to_owned()), ("gone".to_owned(), "2.0.0".to_owned())]);
        let expected = json!({
            "components": [component("kept")],
            "dependencies": [{"ref": "root", "dependsOn": ["kept"]}, {"ref": "kept", "dependsOn": []}, {"ref": "leaf"}],
        });
        assert_eq!(held_to(bill, &parts), expected);
    }
}
