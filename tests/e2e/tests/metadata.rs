//! Access tokens for programs on the device: `drawbridge-shim token --scope` and `serve-metadata`, asked as Google's own
//! libraries ask, and as they may not be asked.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use e2e_tests::{Federation, Scene, run_named, setting};
use serde_json::Value;
use stage::{CloudOptions, Http};

const PROJECT: &str = "e2e-metadata";
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default";

fn with_device(name: &str, test: impl FnOnce(&Scene, &mut Federation) -> Result<()>) -> Result<()> {
    Scene::play(name, |scene| test(scene, &mut Federation::start(scene, CloudOptions::local(PROJECT))?))
}

fn opens(federation: &Federation, token: &str) -> Result<Value> {
    Http::to(federation.cloud.http).get(&format!("/tokeninfo?access_token={token}"))?.success("tokeninfo")?.json()
}

#[test]
fn googles_own_libraries_find_their_credentials_on_the_device() -> Result<()> {
    with_device("metadata-google-auth", |scene, federation| {
        let (_serving, address) = federation.serve_metadata(scene, &[])?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/metadata_credentials.py");
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python.arg(script).args([PROJECT, "from-devices", "readings"]).env("GOOGLE_URL", format!("http://{}", federation.cloud.http));
        python.env("GCE_METADATA_HOST", address.to_string()).env("GCE_METADATA_IP", address.to_string()).env("HOME", &scene.dir);
        python.env_remove("STORAGE_EMULATOR_HOST").env_remove("GOOGLE_APPLICATION_CREDENTIALS");
        let said = String::from_utf8(run_named("metadata_credentials.py", &mut python)?.stdout)?;
        let report: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
        ensure!(report["email"] == "default" && report["messageIds"][0].is_string(), "{report}");
        let grant = opens(federation, report["token"].as_str().unwrap_or_default())?;
        ensure!(grant["scope"] == CLOUD_PLATFORM && grant["sub"].is_string(), "{grant}");
        Ok(())
    })
}

#[test]
fn a_service_account_is_acted_as_and_its_name_is_told() -> Result<()> {
    with_device("metadata-account", |scene, federation| {
        let account = federation.account.clone();
        let (_serving, address) = federation.serve_metadata(scene, &["--service-account", &account])?;
        let mut google = Http::to(address).with_header("metadata-flavor", "Google");
        let mut text = |path: &str| Ok::<_, anyhow::Error>(google.get(path)?.success(path)?.text());
        ensure!(text("/")? == "computeMetadata/\n");
        ensure!(text(&format!("{ACCOUNT}/email"))? == account && text(&format!("{ACCOUNT}/scopes"))? == format!("{CLOUD_PLATFORM}\n"));
        ensure!(text("/computeMetadata/v1/project/project-id")? == PROJECT);
        let whole: Value = serde_json::from_str(&text(&format!("{ACCOUNT}/?recursive=true"))?)?;
        ensure!(whole["email"] == account.as_str() && whole["scopes"][0] == CLOUD_PLATFORM, "{whole}");
        let by_name = format!("/computeMetadata/v1/instance/service-accounts/{account}/token");
        let token: Value = serde_json::from_str(&text(&by_name)?)?;
        ensure!(opens(federation, token["access_token"].as_str().unwrap_or_default())?["email"] == account.as_str(), "{token}");
        ensure!(token["token_type"] == "Bearer" && token["expires_in"].as_u64().is_some_and(|secs| secs > 3_000), "{token}");
        Ok(())
    })
}

#[test]
fn who_does_not_ask_as_googles_libraries_do_gets_nothing() -> Result<()> {
    with_device("metadata-refusals", |scene, federation| {
        let (_serving, address) = federation.serve_metadata(scene, &[])?;
        let token = format!("{ACCOUNT}/token");
        let google = || Http::to(address).with_header("metadata-flavor", "Google");
        ensure!(google().get(&token)?.status == 200);
        for (mut client, path, status, says) in [
            (Http::to(address), token.as_str(), 403, "Metadata-Flavor: Google"),
            (Http::to(address).with_header("metadata-flavor", "Other"), &token, 403, "Metadata-Flavor: Google"),
            (google().with_header("x-forwarded-for", "192.0.2.1"), &token, 403, "X-Forwarded-For"),
            (google().with_header("origin", "https://page.example"), &token, 403, "Origin"),
            (google(), "/computeMetadata/v1/instance/service-accounts/other@x.example/token", 404, "`other@x.example`"),
            (google(), "/computeMetadata/v1/instance/attributes/ssh-keys", 404, "is not served here"),
            (google(), &format!("{token}?scopes={}", "s".repeat(3_000)), 400, "3000 bytes; it may have 2048"),
            (google(), &format!("{token}?scopes=nonsense"), 400, "scope"),
        ] {
            let reply = client.get(path)?;
            ensure!(reply.status == status && reply.text().contains(says), "{path}: {} {}", reply.status, reply.text());
        }
        ensure!(google().send("POST", &token, "text/plain", b"")?.status == 405);
        Ok(())
    })
}

#[test]
fn a_token_outlives_the_line_to_the_cloud() -> Result<()> {
    with_device("metadata-offline", |scene, federation| {
        let (_serving, address) = federation.serve_metadata(scene, &[])?;
        let mut google = Http::to(address).with_header("metadata-flavor", "Google");
        let path = format!("{ACCOUNT}/token");
        let first = google.get(&path)?.success("the first token")?.json()?["access_token"].clone();
        federation.cloud.process.kill()?;
        let kept = google.get(&path)?.success("the kept token")?.json()?;
        ensure!(kept["access_token"] == first && kept["expires_in"].as_u64().is_some_and(|secs| secs <= 3_600), "{kept}");
        let other = google.get(&format!("{path}?scopes=https://www.googleapis.com/auth/pubsub"))?;
        ensure!(other.status == 503 && other.text().contains("no answer from the token service at http://"), "{}", other.text());
        Ok(())
    })
}

#[test]
fn a_script_gets_an_access_token_by_one_line() -> Result<()> {
    with_device("shim-token", |scene, federation| {
        let config = federation.config().display().to_string();
        let run = |words: &[&str]| Command::new(&scene.binaries.shim).args(["token", "--config", &config]).args(words).output();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let token = text(run(&["--scope", CLOUD_PLATFORM])?.stdout);
        ensure!(token.lines().count() == 1 && opens(federation, token.trim())?["scope"] == CLOUD_PLATFORM, "{token}");
        let json: Value =
            serde_json::from_slice(&run(&["--scope", CLOUD_PLATFORM, "--service-account", &federation.account, "--json"])?.stdout)?;
        ensure!(opens(federation, json["access_token"].as_str().unwrap_or_default())?["email"] == federation.account.as_str(), "{json}");
        let jwt = text(run(&[])?.stdout);
        ensure!(jwt.matches('.').count() == 2, "{jwt}");
        let refused = run(&["--scope", CLOUD_PLATFORM, "--service-account", "other@x.iam.gserviceaccount.com"])?;
        let said = text(refused.stderr);
        ensure!(refused.status.code() == Some(1) && said.contains("refuses with 403") && said.contains("`other@x.iam"), "{said}");
        let lone = run(&["--json"])?;
        ensure!(lone.status.code() == Some(2) && text(lone.stderr).contains("--scope"));
        Ok(())
    })
}
