//! The profile that Terraform's output makes: each function at its own URL.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use host::config::{Config, Environment};
use host::function::{self, Running};
use serde_json::{Value, json};
use stage::ADMIN_TOKEN;
use tokio::runtime::Runtime;

use crate::support::{Ran, program, run};

/// Functions in processes of their own, as in a cloud account: nobody answers for another.
struct Split {
    runtime: Runtime,
    functions: Vec<Running>,
}

impl Split {
    fn start(names: &[&str]) -> Self {
        let runtime = Runtime::new().unwrap();
        let one = |name: &&str| {
            let pairs = [
                ("DRAWBRIDGE_FUNCTIONS", *name),
                ("DRAWBRIDGE_RECORDS", "memory:"),
                ("DRAWBRIDGE_COMMANDS", "none:"),
                ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
                ("DRAWBRIDGE_HTTP", "127.0.0.1:0"),
            ];
            let environment: Environment = pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            runtime.block_on(function::start(Config::read(&environment).unwrap())).unwrap()
        };
        let functions = names.iter().map(one).collect();
        Self { runtime, functions }
    }

    fn at(&self, place: usize) -> SocketAddr {
        self.functions[place].addresses.http
    }

    fn stop(self) {
        for running in self.functions {
            self.runtime.block_on(running.shut_down());
        }
    }
}

/// The output `profile` of an example.
fn rented(registry: &str, relay: &str) -> Value {
    json!({
        "endpoints": { "device-registry": registry, "command-relay": relay, "token-exchange": "https://t.example.com",
            "storage-download": "https://s.example.com", "pubsub-fanout": "https://p.example.com" },
        "project": "demo",
        "region": "europe-west1",
        "admin_token_command": "gcloud secrets versions access latest --secret=drawbridge-admin-token --project=demo",
    })
}

fn piped(command: &mut Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: out.status.code().unwrap(), out: text(out.stdout), err: text(out.stderr) }
}

fn from_terraform(dir: &Path, input: &str) -> Ran {
    piped(program(dir).args(["profile", "from-terraform"]), input)
}

#[test]
fn one_command_after_terraform_leads_every_verb_to_its_function() {
    let split = Split::start(&["device-registry", "command-relay"]);
    let dir = tempfile::tempdir().unwrap();
    let output = rented(&format!("http://{}", split.at(0)), &format!("http://{}/", split.at(1))).to_string();
    let made = piped(program(dir.path()).env("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN).args(["profile", "from-terraform"]), &output).ok();
    assert!(made.contains("Try it: drawbridge registries list") && !made.contains(ADMIN_TOKEN), "{made}");
    let folder = dir.path().join(".config/drawbridge");
    let rights = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(rights("admin-token"), 0o600);
    assert!(!fs::read_to_string(folder.join("profile.toml")).unwrap().contains(ADMIN_TOKEN));

    let drawbridge = |words: &str| run(program(dir.path()).args(words.split(' ')));
    drawbridge("registries create greenhouse --event-notification-config topic=readings").ok();
    drawbridge("devices create pi-1 --registry greenhouse").ok();
    for words in ["devices describe pi-1", "configs list pi-1", "states list pi-1", "gateways list"] {
        drawbridge(&format!("{words} --registry greenhouse")).ok();
    }
    // The relay's own records are empty here: that it says so itself proves who was asked.
    for words in ["commands send pi-1 --command-data x", "commands list pi-1", "configs update pi-1 --config-data x"] {
        drawbridge(&format!("{words} --registry greenhouse")).fails(1, &["(NOT_FOUND)", "pi-1"]);
    }
    let line = drawbridge("commands broadcast --command-data x --registry greenhouse --curl").ok();
    assert!(line.contains(&split.at(1).to_string()), "{line}");
    split.stop();
}

#[test]
fn a_second_run_changes_nothing_and_the_profile_before_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".config/drawbridge");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("profile.toml"), "# mine\nendpoint = \"http://127.0.0.1:1\"\nregistry = \"greenhouse\"\n").unwrap();
    let output = rented("https://r.example.com", "https://c.example.com").to_string();
    let made = from_terraform(dir.path(), &output).ok();
    assert!(made.contains("It lacks the admin token: (umask 077; gcloud secrets versions access latest"), "{made}");
    let profile = fs::read_to_string(folder.join("profile.toml")).unwrap();
    assert!(profile.contains("registry = \"greenhouse\"") && !profile.contains("127.0.0.1"), "{profile}");
    assert!(fs::read_to_string(folder.join("profile.toml.before")).unwrap().starts_with("# mine"));
    from_terraform(dir.path(), &output).ok();
    assert_eq!(fs::read_to_string(folder.join("profile.toml")).unwrap(), profile);
    assert!(fs::read_to_string(folder.join("profile.toml.before")).unwrap().starts_with("# mine"), "it is not lost at the second run");
}

#[test]
fn what_is_no_output_of_terraform_is_refused_with_what_prints_it() {
    let dir = tempfile::tempdir().unwrap();
    let says = |input: &str, says: &str| from_terraform(dir.path(), input).fails(64, &[says, "`terraform output -json profile`"]);
    says("", "the standard input is empty");
    says("The output variable requested could not be found", "is not JSON");
    says("{\"a\": 1}", "does not say `endpoints`, `project` and `region`");
    let mut unknown = rented("https://r.example.com", "https://c.example.com");
    unknown["endpoints"]["device-registri"] = json!("https://x");
    from_terraform(dir.path(), &unknown.to_string()).fails(64, &["device-registri"]);
    assert!(!dir.path().join(".config/drawbridge/profile.toml").exists());
}

#[test]
fn all_outputs_at_once_will_do_and_the_region_of_the_devices_may_be_another() {
    let dir = tempfile::tempdir().unwrap();
    let all = json!({ "profile": { "sensitive": false, "value": rented("https://r.example.com", "https://c.example.com") } });
    fs::write(dir.path().join("all.json"), all.to_string()).unwrap();
    run(program(dir.path()).args(["profile", "from-terraform", "all.json", "--region", "us-central1", "--profile", "here.toml"])).ok();
    let line = run(program(dir.path()).args(["registries", "list", "--curl", "--profile", "here.toml"]));
    // The token's file is named and is not there yet.
    line.fails(64, &["admin_token_file"]);
    fs::write(dir.path().join("admin-token"), "t").unwrap();
    let line = run(program(dir.path()).args(["registries", "list", "--curl", "--profile", "here.toml"])).ok();
    assert!(line.contains("https://r.example.com/v1/projects/demo/locations/us-central1/registries"), "{line}");
}
