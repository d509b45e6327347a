//! What the README promises first: the demo runs, ends with one line, and leaves nothing running; and every line that
//! `--stay` prints works as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, bail};
use e2e_tests::{Scene, run_named, setting};
use stage::Process;

const LIMIT: Duration = Duration::from_secs(60);

fn demo(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(setting("DRAWBRIDGE_TEST_XTASK")?);
    command.arg("demo").args(arguments);
    Ok(command)
}

/// Processes whose command line names a folder of the demo that belongs to process `pid`.
fn left_running(pid: u32) -> Vec<String> {
    let mark = format!("demo/{pid}/");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|e| fs::read_to_string(e.path().join("cmdline")).ok());
    lines.map(|l| l.replace('\0', " ")).filter(|l| l.contains(&mark)).collect()
}

#[test]
fn the_demo_ends_with_one_line_and_leaves_nothing_running() -> Result<()> {
    let child = demo(&["--readings", "300", "--cut", "1"])?.stdout(Stdio::piped()).spawn()?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().unwrap_or_default();
    assert!(output.status.success(), "{text}");
    assert!(last.starts_with("300 accepted, 300 delivered, 0 lost, "), "{text}");
    assert!(last.contains(" duplicate") && last.ends_with(" s (line cut for 1 s)"), "{text}");
    assert_eq!(left_running(pid), Vec::<String>::new());
    Ok(())
}

#[test]
fn what_the_demo_says_to_try_next_works() -> Result<()> {
    Scene::play("demo-stay", try_next_steps)
}

fn try_next_steps(scene: &Scene) -> Result<()> {
    let log = scene.dir.join("demo.log");
    let mut process = Process::start_piped("demo", &mut demo(&["--readings", "50", "--cut", "1", "--stay"])?, &log)?;
    let pid = process.pid();
    let commands = read_next_steps(&mut process)?;
    assert!(commands.len() >= 7, "{commands:?}");
    for command in &commands {
        try_out(command)?;
    }
    stage::signal("INT", &pid.to_string())?;
    let start = Instant::now();
    while process.child_mut().try_wait()?.is_none() {
        assert!(start.elapsed() < LIMIT, "Ctrl-C ends it");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(left_running(pid), Vec::<String>::new());
    Ok(())
}

/// The lines after `$`. The last one tells of the shim's status.
fn read_next_steps(process: &mut Process) -> Result<Vec<String>> {
    let out = BufReader::new(process.child_mut().stdout.take().context("no standard output")?);
    let (sender, lines) = channel();
    // Reads on after the last step, so that the demo never waits for a reader.
    thread::spawn(move || out.lines().map_while(Result::ok).for_each(|l| sender.send(l).unwrap_or_default()));
    let (start, mut commands) = (Instant::now(), Vec::new());
    while start.elapsed() < LIMIT {
        let Ok(line) = lines.recv_timeout(Duration::from_millis(100)) else {
            process.check_running()?;
            continue;
        };
        commands.extend(line.trim().strip_prefix("$ ").map(Into::into));
        if line.contains(" status --config ") {
            return Ok(commands);
        }
    }
    bail!("no next steps within {} s: {commands:?}", LIMIT.as_secs())
}

/// Runs a line in a shell, with the Python that has paho. A tool that this machine lacks is said, not hidden.
fn try_out(line: &str) -> Result<()> {
    let python = PathBuf::from(setting("DRAWBRIDGE_TEST_PYTHON")?);
    let bin = python.parent().context("no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin.to_path_buf()].into_iter().chain(env::split_paths(&path)))?;
    let tool = line.split(' ').next().unwrap_or_default();
    if run_named(tool, Command::new("sh").args(["-c", &format!("command -v {tool}")]).env("PATH", &path)).is_err() {
        println!("{tool} is not on this machine; not tried: {line}");
        return Ok(());
    }
    // `tail` follows until it is stopped.
    let script = if line.contains(" tail ") { format!("timeout 1 {line}; test $? -eq 124") } else { line.to_owned() };
    let output = run_named(line, Command::new("sh").args(["-c", &script]).env("PATH", &path))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!line.contains(" tail ") || text.contains("celsius"), "{line}: {text}");
    Ok(())
}
