//! An emulator with buckets.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

/// The emulator that is there for all tests.
pub(crate) fn emulator() -> SocketAddr {
    let named = std::env::var("STORAGE_EMULATOR_HOST").expect("STORAGE_EMULATOR_HOST is not set: run the tests by `cargo xtask test`");
    named.trim_start_matches("http://").parse().unwrap()
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().tls_certs_only([]).build().unwrap()
}

/// A bucket that nobody else has.
pub(crate) async fn bucket(purpose: &str, emulator: SocketAddr) -> String {
    let name = format!("{purpose}-{}", std::process::id());
    let made = http().post(format!("http://{emulator}/storage/v1/b")).json(&json!({ "name": name })).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    name
}

/// An emulator of our own: its upload URLs lead through `line`. It ends with its value.
pub(crate) struct Emulator {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Emulator {
    pub(crate) fn behind(line: SocketAddr) -> Self {
        let python =
            std::env::var("DRAWBRIDGE_TEST_PYTHON").expect("DRAWBRIDGE_TEST_PYTHON is not set: run the tests by `cargo xtask test`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/storage_emulator.py");
        let mut command = Command::new(python);
        command.arg(script).arg("--reached-at").arg(line.to_string()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let port: u16 = said.trim().strip_prefix("listening on ").expect(&said).parse().unwrap();
        Self { child, addr: ([127, 0, 0, 1], port).into() }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}
