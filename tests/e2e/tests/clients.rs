//! Programs written for Cloud IoT Core, with another endpoint and nothing else changed.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use e2e_tests::{Scene, run_named, setting};
use stage::{ADMIN_TOKEN, Cloud, CloudOptions};

const PROJECT: &str = "e2e-clients";

/// Plays `script` with what comes before the address of HTTP.
fn administers(scene: &str, script: &str, scheme: &str) -> Result<()> {
    Scene::play(scene, |scene| {
        let cloud = Cloud::start(&scene.binaries, &scene.dir, &CloudOptions::local(PROJECT))?;
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients").join(script));
        python.args([&format!("{scheme}{}", cloud.http), ADMIN_TOKEN, PROJECT, &cloud.mqtt.to_string()]);
        run_named(script, &mut python)?;
        Ok(())
    })
}

#[test]
fn googles_own_python_client_administers_the_registry() -> Result<()> {
    administers("clients", "registry_rest.py", "http://")
}

#[test]
fn googles_own_python_client_administers_the_registry_over_grpc_as_it_does_by_default() -> Result<()> {
    administers("clients-grpc", "registry_grpc.py", "")
}
