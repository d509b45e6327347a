//! What the documents tell a person to type about Terraform is there: modules and their arguments, variables, outputs, addresses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e_tests::terraform::{declared, declared_in};

/// Arguments that every module has.
const OF_ALL: [&str; 5] = ["source", "count", "for_each", "depends_on", "providers"];

fn page(path: &str) -> Result<String> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).with_context(|| format!("reading {path}"))
}

fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn names(folder: &str, kind: &str) -> Result<BTreeSet<String>> {
    Ok(declared(folder, kind)?.into_keys().collect())
}

/// Variables without a default.
fn required(folder: &str) -> Result<BTreeSet<String>> {
    let variables = declared(folder, "variable")?.into_iter();
    Ok(variables.filter(|(_, body)| !body.attributes().any(|a| a.key() == "default")).map(|(name, _)| name).collect())
}

#[test]
fn a_module_in_a_document_takes_the_arguments_it_is_given() -> Result<()> {
    let mut modules = 0;
    for text in blocks(&page("terraform/README.md")?, "hcl") {
        for (name, body) in declared_in(text, "module")? {
            let source = body.attributes().find(|a| a.key() == "source").unwrap().expr().to_string();
            let folder = source.trim_matches('"').replace("../../", "terraform/");
            let given: BTreeSet<_> = body.attributes().map(|a| a.key().to_owned()).filter(|a| !OF_ALL.contains(&a.as_str())).collect();
            let known = names(&folder, "variable")?;
            assert!(given.is_subset(&known), "module {name}: {:?} are no variables of {folder}", given.difference(&known));
            let needed = required(&folder)?;
            assert!(needed.is_subset(&given), "module {name} lacks {:?}", needed.difference(&given));
            modules += 1;
        }
    }
    assert!(modules > 0);
    Ok(())
}

/// A shell block of the README with the example that it changes into.
fn walkthrough(cloud: &str) -> Result<(String, String)> {
    let readme = page("README.md")?;
    let heading = if cloud == "gcp" { "Google Cloud" } else { "AWS" };
    let section = readme.split(&format!("\n## In your own account: {heading}\n")).nth(1).and_then(|t| t.split("\n## ").next());
    let section = section.with_context(|| format!("the README has no section for {heading}"))?;
    let folder = format!("terraform/examples/{cloud}");
    assert!(section.contains(&format!("cd {folder}\n")), "{heading}: nobody goes to {folder}");
    Ok((section.to_owned(), folder))
}

/// What stands between `<<TFVARS` and `TFVARS`: names at the beginning of a line, commented out or not.
fn set_by_tfvars(section: &str) -> BTreeSet<String> {
    let text = section.split("TFVARS").nth(1).unwrap_or_default().split("\nTFVARS").next().unwrap_or_default();
    let names = text.lines().filter_map(|line| line.trim_start_matches("# ").split_once('=')).map(|(name, _)| name);
    names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(|name| name.trim().to_owned()).collect()
}

/// The words that follow `before`.
fn following<'a>(section: &'a str, before: &str) -> Vec<&'a str> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c));
    section.split(before).skip(1).map(|rest| rest.split(ends).next().unwrap_or_default()).collect()
}

#[test]
fn the_values_that_the_readme_sets_are_variables_and_all_that_are_needed() -> Result<()> {
    for cloud in ["gcp", "aws"] {
        let (section, folder) = walkthrough(cloud)?;
        let mut set = set_by_tfvars(&section);
        let (elsewhere, here): (Vec<_>, Vec<_>) = section.lines().partition(|line| line.contains(">> $GOOGLE/"));
        let there = names("terraform/examples/gcp", "variable")?;
        for name in following(&elsewhere.join("\n"), "echo \"") {
            assert!(there.contains(name), "{cloud}: {name} is no variable of the example of Google Cloud");
        }
        set.extend(following(&here.join("\n"), "echo \"").into_iter().map(Into::into));
        set.extend(following(&section, "-var=").into_iter().map(Into::into));
        let known = names(&folder, "variable")?;
        assert!(set.is_subset(&known), "{cloud}: {:?} are no variables", set.difference(&known));
        let needed = required(&folder)?;
        assert!(needed.is_subset(&set), "{cloud}: the README does not set {:?}", needed.difference(&set));
    }
    Ok(())
}

#[test]
fn the_outputs_and_addresses_that_the_readme_names_are_there() -> Result<()> {
    for cloud in ["gcp", "aws"] {
        let (section, folder) = walkthrough(cloud)?;
        let outputs = names(&folder, "output")?;
        let of_google = names("terraform/examples/gcp", "output")?;
        for (before, known) in [("terraform output -raw ", &outputs), ("terraform output ", &outputs), ("$GOOGLE output -raw ", &of_google)]
        {
            for named in following(&section, before).into_iter().filter(|n| !n.starts_with('-')) {
                assert!(known.contains(named), "{cloud}: no output {named}; there are {known:?}");
            }
        }
        let (modules, resources) = (names(&folder, "module")?, names(&folder, "resource")?);
        let targets = following(&section, "-target=");
        assert!(!targets.is_empty());
        for target in targets {
            let there = target.strip_prefix("module.").map_or_else(|| resources.contains(target), |name| modules.contains(name));
            assert!(there, "{cloud}: nothing is at {target}");
        }
    }
    Ok(())
}
