//! The README's five minutes by hand, typed as they stand there: only ports and folders are this test's own.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, ensure};
use e2e_tests::Scene;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs after the tour: stops what it started in the background and shows the topic to its end.
const EPILOGUE: &str = "kill $(jobs -p); wait";

#[test]
fn the_tour_of_the_readme_works_as_written() -> Result<()> {
    Scene::play("tour", take_the_tour)
}

fn take_the_tour(scene: &Scene) -> Result<()> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md"))?;
    let tour = readme.split("## Five minutes by hand").nth(1).and_then(|t| t.split("\n## ").next()).context("no tour")?;
    let mut blocks: Vec<String> = tour.split("```sh\n").skip(1).filter_map(|b| b.split("```").next()).map(Into::into).collect();
    ensure!(blocks.len() == 4, "the tour has {} blocks", blocks.len());
    for block in &mut blocks {
        *block = adapt(block, scene)?;
    }
    // The first terminal goes on by itself; the second waits for it. `tail` follows, so it ends when it has shown enough.
    let serve = format!("{} &\n{}", blocks[0].trim_end(), wait_for("$http/healthz"));
    let start = format!("{}\n{}", blocks[2], wait_for("$intake/status"));
    let read = blocks[3].replace("drawbridge tail", "timeout 2 drawbridge tail");
    let script = ["set -u", &serve, &blocks[1], &start, &read, EPILOGUE].join("\n");
    let (http, intake) = (free_ports()?, free_ports()?);
    let script = fill_in(&script, [&http, &intake]);
    let output = bash(scene, &script)?;
    ensure!(output.contains("{\"celsius\": 21.5}") && output.contains("pi-1"), "{script}\n\n{output}");
    Ok(())
}

/// Builds were made already; folders are the scene's.
fn adapt(block: &str, scene: &Scene) -> Result<String> {
    let bin = scene.binaries.drawbridge.parent().context("no folder")?.display().to_string();
    let dir = scene.dir.display();
    let block = block.lines().filter(|l| !l.starts_with("cargo build")).collect::<Vec<_>>().join("\n");
    Ok(block.replace("/tmp/", &format!("{dir}/")).replace("$PWD/target/release", &bin))
}

fn wait_for(url: &str) -> String {
    format!("for _ in $(seq 200); do curl -sf {url} > /dev/null && break; sleep 0.05; done")
}

/// Free ports for HTTP, MQTT and MQTT with TLS. They are taken again within the second.
fn free_ports() -> Result<[u16; 3]> {
    let held = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(held) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

fn fill_in(script: &str, [cloud, shim]: [&[u16; 3]; 2]) -> String {
    let addresses = format!("--http 127.0.0.1:{} --mqtt 127.0.0.1:{} --mqtts 127.0.0.1:{}", cloud[0], cloud[1], cloud[2]);
    let script = script.replace("drawbridge up", &format!("drawbridge up {addresses}"));
    let script = script.replace("127.0.0.1:8883", &format!("127.0.0.1:{}", cloud[2]));
    let script = script.replace("127.0.0.1:8088", &format!("127.0.0.1:{}", shim[0]));
    let urls = format!("http=http://127.0.0.1:{} intake=http://127.0.0.1:{}", cloud[0], shim[0]);
    format!("{urls}\nexport DRAWBRIDGE_ENDPOINT=$http HOME=$PWD\n{script}")
}

/// Runs a script in bash, as a person's shell would, and returns all it said.
fn bash(scene: &Scene, script: &str) -> Result<String> {
    let log = scene.dir.join("tour.log");
    let out = fs::File::create(&log)?;
    let mut shell = Command::new("bash");
    shell.current_dir(&scene.dir).stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
    let mut child = shell.process_group(0).env("PATH", env::var_os("PATH").unwrap_or_default()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(script.as_bytes())?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > LIMIT {
            // With all that the script started: they are one group.
            stage::signal("KILL", &format!("-{}", child.id()))?;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(fs::read_to_string(&log)?)
}
