//! What the README tells a person to type, typed: only ports and folders are the test's own.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, Result, ensure};

use crate::{Scene, setting};

/// For a whole section: programs start within it, nothing in it waits for long.
const LIMIT: Duration = Duration::from_secs(60);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a section of the README is typed.
#[derive(Debug)]
pub struct Terminal<'a> {
    scene: &'a Scene,
    /// Ports of `drawbridge up` for HTTP, MQTT and MQTT with TLS.
    cloud: [u16; 3],
    /// A port of the shim.
    shim: u16,
}

impl<'a> Terminal<'a> {
    /// With free ports of its own. They are taken again within the second.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(scene: &'a Scene) -> Result<Self> {
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0"));
        let mut ports = [0; 4];
        for (port, listener) in ports.iter_mut().zip(held) {
            *port = listener?.local_addr()?.port();
        }
        let [cloud @ .., shim] = ports;
        Ok(Self { scene, cloud, shim })
    }

    /// The `count` blocks of shell lines under `heading`, with our ports and folders. What is built was built already.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn blocks(&self, heading: &str, count: usize) -> Result<Vec<String>> {
        let readme = fs::read_to_string(root().join("README.md"))?;
        let section = readme.split(&format!("\n## {heading}\n")).nth(1).and_then(|t| t.split("\n## ").next());
        let section = section.with_context(|| format!("the README has no section `{heading}`"))?;
        let blocks: Vec<&str> = section.split("```sh\n").skip(1).filter_map(|b| b.split("```").next()).collect();
        ensure!(blocks.len() == count, "`{heading}` has {} blocks, {count} were expected", blocks.len());
        blocks.into_iter().map(|block| self.adapt(block)).collect()
    }

    fn adapt(&self, block: &str) -> Result<String> {
        let bin = self.scene.binaries.drawbridge.parent().context("no folder")?.display().to_string();
        let lines = block.lines().filter(|l| !l.starts_with("cargo build") && !l.starts_with("pip install"));
        let [http, mqtt, mqtts] = self.cloud;
        let up = format!("drawbridge up --http 127.0.0.1:{http} --mqtt 127.0.0.1:{mqtt} --mqtts 127.0.0.1:{mqtts}");
        let block = lines.collect::<Vec<_>>().join("\n").replace("/tmp/", &format!("{}/", self.scene.dir.display()));
        let block = block.replace("$PWD/target/release", &bin).replace("tests/clients/", &format!("{}/tests/clients/", root().display()));
        let block = block.replace("drawbridge up", &up).replace("127.0.0.1:8883", &format!("127.0.0.1:{mqtts}"));
        Ok(block.replace("127.0.0.1:8088", &format!("127.0.0.1:{}", self.shim)))
    }

    /// Runs a script in bash, as a person's shell would, and returns all it said. It finds `$http` and `$intake`, the
    /// addresses of the cloud's and the shim's HTTP, and our Python.
    ///
    /// # Errors
    /// When it does not start.
    pub fn run(&self, script: &str) -> Result<String> {
        let log = self.scene.dir.join("terminal.log");
        let out = fs::File::create(&log)?;
        let python = PathBuf::from(setting("DRAWBRIDGE_TEST_PYTHON")?);
        let path = env::var_os("PATH").unwrap_or_default();
        let path = python.parent().map(PathBuf::from).into_iter().chain(env::split_paths(&path));
        let mut shell = Command::new("bash");
        shell.current_dir(&self.scene.dir).stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
        let mut child = shell.process_group(0).env("PATH", env::join_paths(path)?).spawn()?;
        let settings = format!("http=http://127.0.0.1:{} intake=http://127.0.0.1:{}", self.cloud[0], self.shim);
        let script = format!("set -u\n{settings}\nexport DRAWBRIDGE_ENDPOINT=$http HOME=$PWD\n{script}");
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
}

/// A line that waits until `command` succeeds, 10 s at most.
#[must_use]
pub fn wait_for(command: &str) -> String {
    format!("for _ in $(seq 200); do {command} > /dev/null 2>&1 && break; sleep 0.05; done")
}
