//! A device's program for Google's token service runs as it is: it names Google's hosts, which are led to `drawbridge up`,
//! its topic is in Google's Pub/Sub emulator, and its machine's own credentials are those of `drawbridge-shim serve-metadata`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Result, ensure};
use e2e_tests::{Federation, Scene, run_named, setting, wait_until};
use stage::{CloudOptions, Http};

const PROJECT: &str = "e2e-sample";
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The program, and what leads it here.
struct Sample<'a> {
    scene: &'a Scene,
    federation: &'a Federation,
    /// Application Default Credentials of its machine.
    metadata: SocketAddr,
}

impl Sample<'_> {
    /// What it says when it has done `words`.
    fn run(&self, words: &[&str]) -> Result<String> {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients");
        // Google's own text, where somebody has it; ours, which sends the same, otherwise.
        let program = env::var_os("DRAWBRIDGE_TEST_ACCESSTOKEN").map_or_else(|| clients.join("access_token.py"), PathBuf::from);
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python.arg(program).args(["--algorithm=ES256", "--cloud_region=europe-west1", "--registry_id=greenhouse", "--device_id=pi-1"]);
        python.arg(format!("--project_id={PROJECT}")).arg("--private_key_file").arg(self.federation.private_key()).args(words);
        python.env("PYTHONPATH", clients.join("redirect")).env("DRAWBRIDGE_TEST_GOOGLE", format!("http://{}", self.federation.cloud.http));
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("DRAWBRIDGE_TEST_GOOGLE_LOG", self.asked_file()).env_remove("STORAGE_EMULATOR_HOST");
        let metadata = self.metadata.to_string();
        python
            .env("PUBSUB_EMULATOR_HOST", setting("PUBSUB_EMULATOR_HOST")?)
            .env("GCE_METADATA_HOST", &metadata)
            .env("GCE_METADATA_IP", metadata);
        let said = run_named(words.join(" ").as_str(), &mut python)?.stdout;
        Ok(String::from_utf8(said)?)
    }

    fn asked_file(&self) -> PathBuf {
        self.scene.dir.join("asked.log")
    }
}

fn with_sample(name: &str, test: impl FnOnce(&Sample<'_>) -> Result<()>) -> Result<()> {
    Scene::play(name, |scene| {
        let federation = Federation::start(scene, CloudOptions::emulator(PROJECT, &setting("PUBSUB_EMULATOR_HOST")?))?;
        let (_serving, metadata) = federation.serve_metadata(scene, &["--service-account", &federation.account])?;
        test(&Sample { scene, federation: &federation, metadata })
    })
}

/// The token after `label`, and what the stand-in says that it opens.
fn opens(sample: &Sample<'_>, said: &str, label: &str) -> Result<(String, serde_json::Value)> {
    let token = said.split(label).nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let grant = Http::to(sample.federation.cloud.http).get(&format!("/tokeninfo?access_token={token}"))?;
    Ok((token.to_owned(), grant.success(said)?.json()?))
}

#[test]
fn it_gets_an_access_token_and_that_of_a_service_account() -> Result<()> {
    with_sample("sample-tokens", |sample| {
        let said = sample.run(&[&format!("--scope={CLOUD_PLATFORM}"), "generate-access-token"])?;
        let (token, grant) = opens(sample, &said, "Device access token: ")?;
        ensure!(grant["scope"] == CLOUD_PLATFORM && grant["sub"].as_str().is_some_and(|s| s.starts_with("principal://")), "{grant}");
        let account = format!("--service_account_email={}", sample.federation.account);
        let exchange = "exchange-device-token-for-service-account-token";
        let said = sample.run(&[&format!("--device_access_token={token}"), &account, exchange])?;
        let (_, grant) = opens(sample, &said, "Service account access token: ")?;
        ensure!(grant["email"] == sample.federation.account.as_str(), "{grant}");
        Ok(())
    })
}

#[test]
fn it_publishes_to_a_topic_that_it_makes_and_deletes() -> Result<()> {
    with_sample("sample-publish", |sample| {
        let topic = format!("sample-{}", std::process::id());
        let said = sample.run(&[&format!("--topic_id={topic}"), "publish-pubsub-message"])?;
        ensure!(said.contains("successfully published") && said.contains("messageIds"), "{said}");
        let asked = fs::read_to_string(sample.asked_file())?;
        ensure!(asked.contains(&format!("pubsub.googleapis.com POST /v1/projects/{PROJECT}/topics/{topic}:publish\n")), "{asked}");
        Ok(())
    })
}

#[test]
fn it_uploads_a_file_and_downloads_it_again() -> Result<()> {
    with_sample("sample-storage", |sample| {
        let file = sample.scene.dir.join("logo.png");
        fs::write(&file, vec![7; 200_000])?;
        let path = format!("--data_path={}", file.display());
        let said = sample.run(&["--bucket_name=sample-pictures", &path, "download-cloud-storage-file"])?;
        ensure!(said.contains("Successfully downloaded testFile.ext") && said.contains("Successfully deleted bucket"), "{said}");
        Ok(())
    })
}

#[test]
fn it_sends_a_command_to_a_device_that_is_connected() -> Result<()> {
    with_sample("sample-command", |sample| {
        let mut device = sample.federation.connect(&setting("DRAWBRIDGE_TEST_PYTHON")?)?;
        let account = format!("--service_account_email={}", sample.federation.account);
        let said = sample.run(&[&account, "--command_to_be_sent_to_device=open-valve", "send-command-to-iot-device"])?;
        ensure!(said.contains("Successfully sent command open-valve to device."), "{said}");
        wait_until("the device has the command", stage::GRACE, || Ok(device.child_mut().try_wait()?.is_some()))?;
        ensure!(sample.federation.device_said()?.contains("command: open-valve\n"), "{}", sample.federation.device_said()?);
        let asked = fs::read_to_string(sample.asked_file())?;
        let hosts: Vec<&str> = asked.lines().filter_map(|line| line.split(' ').next()).collect();
        ensure!(hosts == ["cloudiottoken.googleapis.com", "iamcredentials.googleapis.com", "cloudiot.googleapis.com"], "{asked}");
        Ok(())
    })
}
