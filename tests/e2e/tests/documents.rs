//! The documents name what is there: files that exist, links that lead somewhere, tests by their real names; and the
//! README's tour works as it is written.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use e2e_tests::run_named;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// Every file that git knows or would take.
fn tree() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    Ok(String::from_utf8(run_named("git ls-files", &mut git)?.stdout)?.lines().map(Into::into).collect())
}

fn documents(tree: &[String]) -> Vec<(&str, String)> {
    let pages = tree.iter().filter(|p| p.ends_with(".md"));
    pages.filter_map(|p| Some((p.as_str(), fs::read_to_string(root().join(p)).ok()?))).collect()
}

/// What stands between single backticks, outside blocks of code.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn a_file_that_a_document_names_exists() -> Result<()> {
    let tree = tree()?;
    let mut missing = Vec::new();
    for (page, text) in documents(&tree) {
        // What begins with `/` or `~` is on the reader's machine.
        let ours = |q: &&str| !q.contains(['*', ' ', '{']) && !q.starts_with(['/', '~']);
        let names_file = |q: &&str| [".rs", ".toml", ".md", ".py"].iter().any(|ending| q.ends_with(ending)) && ours(q);
        for name in quoted(&text).into_iter().filter(names_file) {
            // A path from the root, or the end of one: `spool/writer.rs`.
            let found = tree.iter().any(|path| path == name || path.ends_with(&format!("/{name}")));
            missing.extend((!found).then(|| format!("{page} names `{name}`")));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    Ok(())
}

#[test]
fn a_link_within_the_tree_leads_somewhere() -> Result<()> {
    let mut broken = Vec::new();
    for (page, text) in documents(&tree()?) {
        let folder = root().join(page).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_outside = link.contains("://") || link.starts_with('#');
            let path = link.split('#').next().unwrap_or_default();
            broken.extend((!is_outside && !folder.join(path).exists()).then(|| format!("{page} links to {link}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(())
}

#[test]
fn a_test_that_holds_an_invariant_exists() -> Result<()> {
    let architecture = fs::read_to_string(root().join("docs/architecture.md"))?;
    let sources: String = tree()?
        .iter()
        .filter(|p| p.ends_with(".rs") && p.contains("tests/"))
        .filter_map(|p| fs::read_to_string(root().join(p)).ok())
        .collect();
    // A test's name is a sentence: lower case, four words at least.
    let is_test = |q: &&str| q.matches('_').count() >= 3 && q.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let missing: Vec<_> = quoted(&architecture).into_iter().filter(is_test).filter(|q| !sources.contains(&format!("fn {q}("))).collect();
    assert!(missing.is_empty(), "no test of the name {missing:?}");
    Ok(())
}

/// Rooms whose folders stand on the map themselves.
const OPEN_ROOMS: [&str; 3] = ["functions", "infra", "tests"];

#[test]
fn every_folder_stands_on_the_map_once() -> Result<()> {
    let architecture = fs::read_to_string(root().join("docs/architecture.md"))?;
    let map = architecture.split("```").nth(1).unwrap();
    let tree = tree()?;
    let folders = tree.iter().filter(|path| !path.starts_with('.')).filter_map(|path| path.rsplit_once('/'));
    let folders: BTreeSet<(&str, Option<&str>)> = folders
        .map(|(folder, _)| {
            let mut parts = folder.split('/');
            let room = parts.next().unwrap();
            (room, parts.next().filter(|_| OPEN_ROOMS.contains(&room)))
        })
        .collect();
    let mut wrong = Vec::new();
    for (room, folder) in folders {
        let is_room = |line: &&str| line.starts_with(&format!("{room}/"));
        let mut lines = map.lines().skip_while(|line| !is_room(line));
        let Some(first) = lines.next() else {
            wrong.push(format!("{room}/ is missing"));
            continue;
        };
        let Some(folder) = folder else { continue };
        let inside: Vec<_> = [first].into_iter().chain(lines.take_while(|line| line.starts_with(' '))).collect();
        let words = inside.iter().flat_map(|line| line.split([' ', ',', '(']));
        // What tests have stands in a sentence; the others have a line each.
        let named = words.filter(|word| word.trim_end_matches('/') == folder && (word.ends_with('/') || room == "tests")).count();
        wrong.extend((named != 1).then(|| format!("{room}/{folder} is named {named} times")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
