//! docs/errors.md and the programs name the same statuses, exit codes and sentences.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use e2e_tests::run_named;
use e2e_tests::sentences::{Sentence, code_in, fits, said_in};

const PAGE: &str = "docs/errors.md";
/// What is shipped. The others speak to whoever works on the project.
const SHIPPED: [&str; 7] = ["cli", "device-shim", "durable", "functions", "infra", "protocol", "websocket"];
/// The programs, whose exit codes are meant.
const PROGRAMS: [&str; 3] = ["cli", "device-shim", "infra/host"];
/// Texts of errors that nobody reads.
const UNREAD: [&str; 2] = [
    // A session that its device ended in order: there is nobody to tell.
    "the device disconnected",
    // What cuts an upload at Cloud Storage off, whose own error it becomes.
    "the upload ends here",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(root().join(path))?)
}

/// The sources of what is shipped, without their tests.
fn sources(folders: &[&str]) -> Result<Vec<(String, String)>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard", "--"]).args(folders);
    let listed = String::from_utf8(run_named("git ls-files", &mut git)?.stdout)?;
    let is_test = |path: &str| path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs");
    let paths = listed.lines().filter(|path| path.contains("/src/") && path.ends_with(".rs") && !is_test(path));
    // A file that was removed and is not committed yet is still listed.
    Ok(paths.filter_map(|path| Some((path.to_owned(), read(path).ok()?))).collect())
}

fn said() -> Result<Vec<(String, Sentence)>> {
    let sources = sources(&SHIPPED)?;
    Ok(sources.iter().flat_map(|(path, text)| said_in(text).into_iter().map(|sentence| (path.clone(), sentence))).collect())
}

fn cells(line: &str) -> Vec<&str> {
    line.split('|').skip(1).map(str::trim).collect()
}

/// The cells of the tables in a part of the page, each row below its head.
fn rows(part: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let mut head = "";
    let mut found = Vec::new();
    for (line, next) in part.lines().zip(part.lines().skip(1).chain([""])) {
        match line.starts_with('|') {
            true if next.starts_with("| ---") => head = line,
            true if !line.starts_with("| ---") => found.push((cells(head), cells(line))),
            _ => {}
        }
    }
    found
}

/// The rows of the tables under a heading, without their heads.
fn rows_under<'p>(page: &'p str, heading: &str) -> Vec<Vec<&'p str>> {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    rows(section).into_iter().map(|(_, cells)| cells).collect()
}

/// The sentences that the page explains: code with a space in the column of messages, else in the first.
fn explained(page: &str) -> Vec<&str> {
    let messages = rows(page).into_iter().map(|(head, cells)| cells[head.iter().position(|cell| *cell == "message").unwrap_or(0)]);
    messages.flat_map(code_in).filter(|code| code.contains(' ')).collect()
}

/// Whether it has words, so that it says something by itself.
fn has_words(text: &str) -> bool {
    text.chars().filter(|c| c.is_ascii_alphabetic()).count() > 3
}

#[test]
fn every_status_stands_on_the_page_with_its_http_code() -> Result<()> {
    // 416 is HTTP's own word for a range past the end of an object.
    let beside = ("OUT_OF_RANGE".to_owned(), "416".to_owned());
    let code = read("functions/edge/src/code.rs")?;
    let arms = code.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => (")?.1.strip_suffix("),"));
    let made: BTreeSet<_> = arms
        .map(|parts| {
            let parts: Vec<_> = parts.split(", ").collect();
            (parts[1].trim_matches('"').to_owned(), parts[2].to_owned())
        })
        .chain([beside])
        .collect();
    let page = read(PAGE)?;
    let statuses = rows_under(&page, "HTTP").into_iter().filter(|cells| cells[1].parse::<u16>().is_ok());
    let explained: BTreeSet<_> = statuses.map(|cells| (code_in(cells[0])[0].to_owned(), cells[1].to_owned())).collect();
    assert_eq!(made, explained, "the code's on the left, those of {PAGE} on the right");
    Ok(())
}

/// The exit codes that a line makes.
fn exit_codes(line: &str) -> Vec<String> {
    let named = [("ExitCode::SUCCESS", "0"), ("ExitCode::FAILURE", "1")].into_iter().filter(|(name, _)| line.contains(name));
    let written = ["ExitCode::from(", "fail(", "const EXIT_USAGE: u8 = "].into_iter().filter_map(|before| line.split_once(before));
    let written = written.map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    named.map(|(_, code)| code.to_owned()).chain(written.filter(|code| !code.is_empty())).collect()
}

#[test]
fn every_exit_code_stands_on_the_page() -> Result<()> {
    let sources = sources(&PROGRAMS)?;
    let made: BTreeSet<_> = sources.iter().flat_map(|(_, text)| text.lines()).flat_map(exit_codes).collect();
    let page = read(PAGE)?;
    let explained: BTreeSet<_> = rows_under(&page, "Exit codes").into_iter().map(|cells| cells[0].to_owned()).collect();
    assert_eq!(made, explained, "the code's on the left, those of {PAGE} on the right");
    Ok(())
}

#[test]
fn every_kind_of_error_stands_on_the_page() -> Result<()> {
    let page = read(PAGE)?;
    let explained = explained(&page);
    let is_there = |text: &str| UNREAD.contains(&text) || explained.iter().any(|pattern| fits(pattern, text));
    let kinds: Vec<_> = said()?.into_iter().filter(|(_, sentence)| sentence.is_error && has_words(&sentence.text)).collect();
    assert!(kinds.len() > 150, "only {} kinds of errors were found", kinds.len());
    let missing: Vec<_> =
        kinds.iter().filter(|(_, kind)| !is_there(&kind.text)).map(|(path, kind)| format!("{path}: {}", kind.text)).collect();
    assert!(missing.is_empty(), "{PAGE} lacks\n{}", missing.join("\n"));
    Ok(())
}

#[test]
fn every_sentence_on_the_page_is_said_by_a_program() -> Result<()> {
    let said = said()?;
    let page = read(PAGE)?;
    let unsaid: Vec<_> = explained(&page)
        .into_iter()
        .filter(|pattern| !has_words(pattern) || !said.iter().any(|(_, sentence)| fits(pattern, &sentence.text)))
        .collect();
    assert!(unsaid.is_empty(), "nothing says, or all would fit\n{}", unsaid.join("\n"));
    Ok(())
}

#[test]
fn every_reason_in_capitals_is_the_same_on_the_page_and_in_the_programs() -> Result<()> {
    let page = read(PAGE)?;
    let said = said()?;
    let is_reason = |word: &&str| word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let explained: BTreeSet<_> = page.lines().flat_map(code_in).filter(is_reason).filter(|word| !word.starts_with("DRAWBRIDGE_")).collect();
    let unsaid: Vec<_> = explained.iter().filter(|word| !said.iter().any(|(_, sentence)| sentence.text == **word)).collect();
    assert!(unsaid.is_empty(), "nothing says {unsaid:?}");
    let of_gateways = said.iter().filter(|(path, _)| path.ends_with("/gateway_errors.rs")).map(|(_, sentence)| sentence.text.as_str());
    let missing: Vec<_> = of_gateways.filter(|text| is_reason(text) && !explained.contains(text)).collect();
    assert!(missing.is_empty(), "{PAGE} lacks {missing:?}");
    Ok(())
}
