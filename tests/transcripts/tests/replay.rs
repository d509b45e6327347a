//! Every transcript in every home. `UPDATE_TRANSCRIPTS=1` writes down what came instead of comparing it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;

use anyhow::{Result, bail, ensure};
use e2e_tests::Scene;
use transcripts::home::{self, HOMES};
use transcripts::message::{Reply, Request};
use transcripts::transcript::Says;
use transcripts::{Home, Transcript, all, play};

/// The first lines that differ, with their number.
fn difference(expected: &str, came: &str) -> String {
    let (mut wanted, mut got) = (expected.lines(), came.lines());
    for line in 1.. {
        match (wanted.next(), got.next()) {
            (None, None) => break,
            (w, g) if w == g => {}
            (w, g) => return format!("line {line}\n  file: {}\n  came: {}", w.unwrap_or("(end)"), g.unwrap_or("(end)")),
        }
    }
    "the ends of the lines".into()
}

/// Plays one, and compares what came with the file.
fn compare(transcript: &Transcript, home: &mut dyn Home) -> Result<()> {
    let came = play(transcript, home)?;
    ensure!(came == transcript.text, "{}", difference(&transcript.text, &came));
    Ok(())
}

/// The same; or writes down what came, where that is asked for and the home is the first that the file names.
fn replay(transcript: &Transcript, home: &mut dyn Home) -> Result<()> {
    let writes = transcript.says.homes.first().map_or("oneshot", String::as_str) == home.name();
    if writes && std::env::var_os("UPDATE_TRANSCRIPTS").is_some_and(|v| v == "1") {
        return Ok(fs::write(&transcript.path, play(transcript, home)?)?);
    }
    compare(transcript, home)
}

fn replay_all(name: &str) -> Result<()> {
    Scene::play(&format!("transcripts-{name}"), |scene| {
        let mut home = home::open(name, scene)?;
        let transcripts = all()?;
        let played: Vec<_> = transcripts.iter().filter(|t| t.plays_in(name)).collect();
        let mut failed = |t: &Transcript| Some(format!("{}: {:#}", t.path.display(), replay(t, home.as_mut()).err()?));
        let failures: Vec<_> = played.iter().copied().filter_map(&mut failed).collect();
        println!("{} of {} transcripts played in {name}", played.len(), transcripts.len());
        if !failures.is_empty() {
            bail!("{} of {} differ; UPDATE_TRANSCRIPTS=1 writes down what came:\n{}", failures.len(), played.len(), failures.join("\n"));
        }
        Ok(())
    })
}

#[test]
fn the_router_alone_answers_byte_for_byte() -> Result<()> {
    replay_all("oneshot")
}

#[test]
fn the_process_on_a_socket_answers_byte_for_byte() -> Result<()> {
    replay_all("server")
}

#[test]
fn the_process_over_googles_emulators_answers_byte_for_byte() -> Result<()> {
    replay_all("google")
}

#[test]
fn the_function_on_lambda_answers_byte_for_byte() -> Result<()> {
    replay_all("lambda")
}

#[test]
fn every_transcript_keeps_to_a_project_of_its_own_and_to_homes_that_there_are() -> Result<()> {
    let transcripts = all()?;
    for t in &transcripts {
        let named = t.exchanges.iter().flat_map(|e| e.request.split("projects/").skip(1));
        let other = named.map(|rest| rest.split(['/', '"', '`']).next().unwrap());
        let foreign: Vec<_> = other.filter(|project| *project != t.name() && !["-", "0", "1"].contains(project)).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", t.path.display());
        assert!(t.says.homes.iter().all(|home| HOMES.contains(&home.as_str())), "{}", t.path.display());
    }
    let mut names: Vec<_> = transcripts.iter().map(Transcript::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), transcripts.len(), "two files have one name");
    Ok(())
}

/// A home whose replies are changed on their way.
struct Changed<'a> {
    home: &'a mut dyn Home,
    change: fn(&mut Reply),
    /// Replies that still pass as they are.
    unchanged: usize,
}

impl Home for Changed<'_> {
    fn name(&self) -> &'static str {
        self.home.name()
    }

    fn issuer(&self) -> String {
        self.home.issuer()
    }

    fn prepare(&mut self, says: &Says, bucket: &str) -> Result<()> {
        self.home.prepare(says, bucket)
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let mut reply = self.home.ask(request)?;
        match self.unchanged.checked_sub(1) {
            Some(left) => self.unchanged = left,
            None => (self.change)(&mut reply),
        }
        Ok(reply)
    }
}

/// What may happen to a reply: its name, and how it is done.
type Change = (&'static str, fn(&mut Reply));

const CHANGES: [Change; 7] = [
    ("another status", |reply| reply.status += 1),
    ("a header more", |reply| reply.headers.push(("x-more".into(), "1".into()))),
    ("no headers", |reply| reply.headers.retain(|(name, _)| name == "x-request-id" || name == "content-length")),
    ("another id", |reply| reply.headers.retain(|(name, _)| name != "x-request-id")),
    ("a byte more", |reply| reply.body.push(b'\n')),
    ("no body", |reply| reply.body.clear()),
    ("another byte", |reply| *reply.body.last_mut().unwrap() ^= 1),
];

#[test]
fn a_reply_that_was_changed_fails() -> Result<()> {
    Scene::play("transcripts-changed", |scene| {
        for (what, change) in CHANGES {
            for unchanged in [0, 1] {
                let mut home = home::open("oneshot", scene)?;
                let transcript = Transcript::read(&transcripts::golden().join("device-registry/create-and-read.http"))?;
                assert!(compare(&transcript, &mut Changed { home: home.as_mut(), change, unchanged }).is_err(), "{what}, {unchanged}");
            }
        }
        Ok(())
    })
}
