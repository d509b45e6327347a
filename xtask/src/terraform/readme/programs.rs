//! The programs and the home of a person who follows the README.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::shell;

/// What `cargo` is told in the README, and what it would leave. Anything else is refused.
const CARGO: &str = r#"#!/usr/bin/env bash
# Building and packaging have their own tests: this checks the line and leaves what the package would be.
set -eu
case "$*" in
  "build --release -p drawbridge") ;;
  "xtask package image") mkdir -p target/package && cp image.tar target/package/drawbridge-function-image.tar ;;
  "xtask package lambda arm64") mkdir -p target/package && cp function.zip target/package/drawbridge-function-lambda-arm64.zip ;;
  *) echo "README.md has a line that nobody checks: cargo $*" >&2; exit 64 ;;
esac
"#;

/// Google's own, but for its login.
const GCLOUD: &str = r#"#!/usr/bin/env bash
# Google's own gcloud, but for its login, which opens a browser.
set -eu
if [ "$*" = "auth application-default login" ]; then exit 0; fi
exec "$REAL_GCLOUD" "$@"
"#;

const GCLOUD_NEEDED: &str = "gcloud is needed to try the README: https://cloud.google.com/sdk/docs/install";
const SKOPEO_NEEDED: &str = "skopeo is needed to try the README: `apt-get install skopeo`";

/// Puts the programs into the tree and returns the PATH on which they are found first.
pub(super) fn lay_out(tree: &Path, python: &Path) -> Result<OsString> {
    shell::find("skopeo").context(SKOPEO_NEEDED)?;
    shell::find("gcloud").context(GCLOUD_NEEDED)?;
    let bin = tree.join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("creating {}", bin.display()))?;
    for (name, text) in [("cargo", CARGO), ("gcloud", GCLOUD)] {
        let path = bin.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    // Something that Lambda would take as our zip.
    fs::write(tree.join("bootstrap"), "#!/bin/sh\n")?;
    let mut zip = std::process::Command::new(python);
    shell::run(zip.args(["-m", "zipfile", "--create"]).args([tree.join("function.zip"), tree.join("bootstrap")]))?;
    let venv = python.parent().map(Path::to_owned).unwrap_or_default();
    let own = [bin, shell::target().join("debug"), venv];
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(own.into_iter().chain(env::split_paths(&path)))?)
}

/// A home with nothing in it but that the registry of images speaks no TLS.
pub(super) fn settle_home(tree: &Path, registry: &str) -> Result<()> {
    let home = tree.join("home");
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
    }
    fs::create_dir_all(home.join(".config/containers"))?;
    fs::write(home.join(".config/containers/registries.conf"), format!("[[registry]]\nlocation = {registry:?}\ninsecure = true\n"))?;
    fs::write(home.join("google-token"), "stand-in\n")?;
    Ok(())
}

/// What leads the programs to the stand-ins and to that home.
pub(super) fn environment(tree: &Path, path: &OsString, stand_ins: &str) -> Vec<(&'static str, OsString)> {
    let home = tree.join("home");
    let service: OsString = format!("http://{stand_ins}/").into();
    vec![
        ("PATH", path.clone()),
        ("HOME", home.clone().into()),
        ("XDG_CONFIG_HOME", home.join(".config").into()),
        ("REGISTRY_AUTH_FILE", home.join("registry-login.json").into()),
        ("REAL_GCLOUD", shell::find("gcloud").unwrap_or_default().into()),
        ("CLOUDSDK_CONFIG", home.join("gcloud").into()),
        ("CLOUDSDK_CORE_DISABLE_PROMPTS", "1".into()),
        ("CLOUDSDK_CORE_CHECK_GCE_METADATA", "0".into()),
        ("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1".into()),
        ("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", home.join("google-token").into()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", service.clone()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE", service),
        ("TF_CLI_ARGS_apply", "-auto-approve -no-color".into()),
    ]
}
