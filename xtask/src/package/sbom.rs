//! Bills of materials: what each program is made of (CycloneDX 1.5, JSON).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::build;
use crate::shell;

/// The packages that are shipped, by folder.
const SHIPPED: [(&str, &str); 3] = [("device-shim", "drawbridge-shim"), ("cli", "drawbridge"), ("infra/host", "drawbridge-function")];

/// Writes one for each program.
pub(crate) fn make(cyclonedx: &Path, folder: &Path) -> Result<()> {
    for (place, package) in SHIPPED {
        let manifest = shell::root().join(place).join("Cargo.toml");
        let mut command = std::process::Command::new(cyclonedx);
        command.arg("cyclonedx").arg("--manifest-path").arg(&manifest).args(["--format", "json", "--spec-version", "1.5", "--quiet"]);
        command.args(["--override-filename", "drawbridge-bill"]).env("SOURCE_DATE_EPOCH", build::epoch()?);
        shell::run(&mut command)?;
        take_all(package, folder)?;
    }
    Ok(())
}

/// cargo-cyclonedx writes beside every manifest of the workspace that it visits: keeps the one of `package`, removes all.
fn take_all(package: &str, folder: &Path) -> Result<()> {
    let metadata = shell::output(shell::cargo_command().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    for member in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = Path::new(member["manifest_path"].as_str().unwrap_or_default());
        let bill = manifest.with_file_name("drawbridge-bill.json");
        if !bill.exists() {
            continue;
        }
        if member["name"] == package {
            let content = fs::read_to_string(&bill)?;
            // No path of this machine.
            let content = content.replace(&shell::root().display().to_string(), "/drawbridge");
            fs::write(folder.join(format!("{package}.cdx.json")), content).context("writing a bill of materials")?;
        }
        fs::remove_file(&bill)?;
    }
    Ok(())
}
