//! Programs written for Cloud IoT Core, with another endpoint and nothing else changed.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use e2e_tests::{Scene, run_named, setting};
use stage::{ADMIN_TOKEN, Cloud, CloudOptions};

const PROJECT: &str = "e2e-clients";

#[test]
fn googles_own_python_client_administers_the_registry() -> Result<()> {
    Scene::play("clients", |scene| {
        let cloud = Cloud::start(&scene.binaries, &scene.dir, &CloudOptions::local(PROJECT))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/registry_rest.py");
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python.arg(script).args([&format!("http://{}", cloud.http), ADMIN_TOKEN, PROJECT]);
        run_named("registry_rest.py", &mut python)?;
        Ok(())
    })
}
