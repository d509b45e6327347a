//! Google's own client libraries, with another endpoint and tokens of the local token service: what the tokens open, and
//! what they do not.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e_tests::{Scene, device_token, run_named, setting};
use serde_json::{Value, json};
use stage::{Cloud, CloudOptions, Http, Shim, Tail};

const PROJECT: &str = "e2e-google";
const BUCKET: &str = "files-of-the-first";
const POOL: &str = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge";
const OWNER: &str = "owner@e2e-google.iam.gserviceaccount.com";
const ADMIN: &str = "admin@e2e-google.iam.gserviceaccount.com";
const OTHER: &str = "other@e2e-google.iam.gserviceaccount.com";
const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.full_control";
const READ_STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_only";

/// `first` publishes and keeps files; `second` may keep files of another bucket; the owner makes buckets, the administrator grants.
fn policy() -> Value {
    let binding = |role: &str, member: &str| json!({"role": role, "members": [member]});
    let on = |resource: &str, bindings: Vec<Value>| json!({"resource": resource, "policy": {"bindings": bindings}});
    let [first, second] = ["first", "second"].map(|device| format!("{POOL}/attribute.device/{device}"));
    let [owner, admin] = [OWNER, ADMIN].map(|account| format!("serviceAccount:{account}"));
    json!([
        on(
            &format!("//cloudresourcemanager.googleapis.com/projects/{PROJECT}"),
            vec![
                binding("roles/pubsub.editor", &first),
                binding("roles/storage.admin", &owner),
                binding("roles/cloudiot.editor", &owner),
                binding("roles/cloudiot.admin", &admin),
            ]
        ),
        on(&format!("//storage.googleapis.com/projects/_/buckets/{BUCKET}"), vec![binding("roles/storage.objectAdmin", &first)]),
        on("//storage.googleapis.com/projects/_/buckets/files-of-the-second", vec![binding("roles/storage.objectAdmin", &second)]),
    ])
}

struct Stack<'a> {
    scene: &'a Scene,
    cloud: Cloud,
}

impl<'a> Stack<'a> {
    fn start(scene: &'a Scene) -> Result<Self> {
        let (file, accounts) = (scene.dir.join("policy.json"), scene.dir.join("service-accounts"));
        fs::write(&file, policy().to_string())?;
        let mut options = CloudOptions::local(PROJECT);
        options.env.push(("DRAWBRIDGE_IAM_POLICY".into(), file.display().to_string()));
        options.env.push(("DRAWBRIDGE_SERVICE_ACCOUNTS".into(), accounts.display().to_string()));
        let cloud = Cloud::start(&scene.binaries, &scene.dir, &options)?;
        cloud.create_registry("reg", "readings")?;
        Ok(Self { scene, cloud })
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.cloud.http)
    }

    /// Registers a device; answers what gets it tokens by scope.
    fn device(&self, id: &str) -> Result<impl Fn(&str) -> Result<String>> {
        let dir = self.scene.folder(id)?;
        let device = self.cloud.create_device("reg", id, &Shim::keygen(&self.scene.binaries, &dir)?)?;
        let jwt = device_token(&Shim::private_key_file(&dir), PROJECT, Duration::from_secs(600))?;
        let (at, path) = (self.cloud.http, format!("/v1beta1/{}:generateAccessToken", device.name()));
        Ok(move |scope: &str| {
            let reply = Http::to(at).with_bearer(&jwt).json("POST", &path, &json!({"scope": scope}))?.success("asking for a token")?;
            Ok(reply.json()?["access_token"].as_str().context("no access_token")?.to_owned())
        })
    }

    /// A key file of an account, made as a person makes it.
    fn key_of(&self, account: &str) -> Result<String> {
        let key = self.scene.dir.join(format!("{account}.json"));
        let mut make = Command::new(&self.scene.binaries.drawbridge);
        make.args(["service-account-key", account, "--endpoint", &self.endpoint(), "--output"]).arg(&key);
        make.arg("--service-accounts").arg(self.scene.dir.join("service-accounts"));
        run_named("drawbridge service-account-key", &mut make)?;
        Ok(key.display().to_string())
    }

    fn python(&self, script: &str, words: &[&str], env: &[(&str, String)]) -> Result<String> {
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients").join(script)).arg(self.endpoint()).args(words);
        // Tokens by the environment: a command line is everybody's to read. The emulators of other tests are not meant.
        python.env_remove("PUBSUB_EMULATOR_HOST").env_remove("STORAGE_EMULATOR_HOST");
        python.envs(env.iter().map(|(name, value)| (name, value)));
        Ok(String::from_utf8(run_named(script, &mut python)?.stdout)?)
    }
}

#[test]
fn googles_pubsub_client_publishes_with_a_devices_token_into_the_topic_log() -> Result<()> {
    Scene::play("google-pubsub", |scene| {
        let stack = Stack::start(scene)?;
        let (first, second) = (stack.device("first")?, stack.device("second")?);
        let mut tail = Tail::follow(&scene.binaries.drawbridge, &stack.cloud, "readings", &scene.dir.join("tail.log"))?;
        let tokens = [("ACCESS_TOKEN", first(PUBSUB)?), ("OTHER_TOKEN", second(PUBSUB)?), ("NARROW_TOKEN", first(STORAGE)?)];
        let ids = stack.python("pubsub_publisher.py", &[PROJECT, "readings"], &tokens)?;
        let ids: Vec<String> = serde_json::from_str(&ids)?;
        let (mut arrived, start) = (Vec::new(), Instant::now());
        while arrived.len() < ids.len() && start.elapsed() < Duration::from_secs(20) {
            arrived.extend(tail.take(Duration::from_millis(20))?);
        }
        arrived.sort_by_key(|m| m.attribute("n").parse::<usize>().unwrap_or(usize::MAX));
        let expected: Vec<_> = (0..ids.len()).map(|n| (format!("reading {n}").into_bytes(), n.to_string())).collect();
        let arrived: Vec<_> = arrived.iter().map(|m| (m.data.clone(), m.attribute("n").to_owned())).collect();
        ensure!(arrived == expected, "arrived: {arrived:?}");
        Ok(())
    })
}

#[test]
fn googles_storage_client_keeps_files_with_a_devices_token_where_its_role_is() -> Result<()> {
    Scene::play("google-storage", |scene| {
        let stack = Stack::start(scene)?;
        let (first, second) = (stack.device("first")?, stack.device("second")?);
        let tokens = [
            ("ACCESS_TOKEN", first(STORAGE)?),
            ("OTHER_TOKEN", second(STORAGE)?),
            ("READ_TOKEN", first(READ_STORAGE)?),
            ("OWNER_KEY", stack.key_of(OWNER)?),
        ];
        stack.python("storage_files.py", &[PROJECT, BUCKET], &tokens)?;
        let left: Vec<_> = fs::read_dir(stack.cloud.data.join("objects"))?.collect::<Result<_, _>>()?;
        ensure!(left.len() == 1, "only the folder of unfinished uploads is left: {left:?}");
        Ok(())
    })
}

#[test]
fn googles_iot_client_administers_with_a_key_file_as_far_as_its_role_goes() -> Result<()> {
    Scene::play("google-iot", |scene| {
        let stack = Stack::start(scene)?;
        stack.python("registry_with_key.py", &[PROJECT], &[("OWNER_KEY", stack.key_of(OWNER)?)])?;
        Ok(())
    })
}

#[test]
fn googles_iot_client_grants_one_registry_and_the_grant_counts_there_alone() -> Result<()> {
    Scene::play("google-iot-policies", |scene| {
        let stack = Stack::start(scene)?;
        let keys = [("OWNER_KEY", stack.key_of(ADMIN)?), ("OTHER_KEY", stack.key_of(OTHER)?)];
        stack.python("registry_policies.py", &[PROJECT], &keys)?;
        Ok(())
    })
}
