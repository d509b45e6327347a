//! Deliberate mistakes: each has to be refused, with the words that its first line promises. What finds nothing is no check.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::Steps;
use super::root::Root;

/// Before the words of a refusal, in the first line of a mistake; or of a warning, where Terraform itself knows no refusal.
const SAYS: [(&str, &str); 2] = [("# refused: ", "error"), ("# warned of: ", "warning")];

/// A `.tf` file is put beside the others and judged by `validate`; a `.tfvars` file is judged by `plan`.
pub(super) fn run(steps: &mut Steps, cloud: &str, root: &Root, folder: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    ensure!(!files.is_empty(), "no mistakes in {}", folder.display());
    steps.step(&format!("{cloud}: {} deliberate mistakes are refused", files.len()), || {
        ensure!(root.complaints(&["validate", "-json"])?.is_empty(), "it is refused without a mistake already");
        files.iter().try_for_each(|file| refused(root, file).with_context(|| format!("the mistake {}", file.display())))
    })
}

fn refused(root: &Root, file: &Path) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let first = text.lines().next().unwrap_or_default();
    let found = SAYS.iter().find_map(|(before, severity)| Some((first.strip_prefix(before)?, severity)));
    let (says, severity) = found.with_context(|| format!("its first line must begin with one of {SAYS:?}"))?;
    let (name, words): (_, &[&str]) = match file.extension().and_then(|e| e.to_str()) {
        Some("tf") => ("zz-mistake.tf", &["validate", "-json"]),
        Some("tfvars") => ("zz-mistake.auto.tfvars", &["plan", "-json"]),
        _ => bail!("neither .tf nor .tfvars"),
    };
    root.write(name, &text)?;
    let complaints = root.said(words, severity)?;
    root.remove(name)?;
    let found = complaints.iter().any(|c| c.contains(says));
    ensure!(found, "no refusal says `{says}`; there were {}: {}", complaints.len(), complaints.join(" | "));
    Ok(())
}
