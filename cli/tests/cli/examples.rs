//! What `--help` teaches is run as it stands.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use stage::{ADMIN_TOKEN, Process, START_LIMIT};

use crate::device::Device;
use crate::support::{Ran, Scene, make_key, program, run};

/// The shell lines of an help text, continued lines as one.
fn examples(scene: &Scene, noun: &str) -> String {
    let help = run(program(scene.dir.path()).args([noun, "--help"])).ok();
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let lines: Vec<_> = examples.lines().take_while(|line| line.starts_with("  ")).map(str::trim).collect();
    assert!(lines.iter().all(|line| line.len() <= 100), "a terminal would break them: {lines:#?}");
    lines.join("\n")
}

/// Lines in a shell that finds the program.
fn in_shell(dir: &Path, lines: &str) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_drawbridge")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.current_dir(dir).env_clear().env("PATH", path).env("HOME", dir).args(["-c", lines]);
    shell
}

/// Runs lines where the installation is known, and nothing else.
fn shell(scene: &Scene, lines: &str) -> Ran {
    let mut shell = in_shell(scene.dir.path(), lines);
    shell.env("DRAWBRIDGE_ENDPOINT", scene.endpoint()).env("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN).env("DRAWBRIDGE_PROJECT", "demo");
    run(&mut shell)
}

#[test]
fn the_examples_of_the_verbs_work() {
    let scene = Scene::new();
    scene.make_key("device");
    scene.make_ca("ca");
    fs::write(scene.path("config.json"), "{}").unwrap();
    fs::write(scene.path("firmware.json"), "{}").unwrap();
    for noun in ["registries", "devices", "gateways", "credentials", "configs", "states"] {
        let lines = examples(&scene, noun);
        assert!(lines.matches("drawbridge ").count() >= 2, "{lines}");
        shell(&scene, &format!("set -e\n{lines}")).ok();
    }
    let lines = examples(&scene, "commands");
    let export = lines.lines().next().unwrap();
    for line in lines.lines().skip(1) {
        let ran = shell(&scene, &format!("{export}\n{line}"));
        if line.contains("send") && !line.contains("--ttl") {
            ran.fails(1, &["is not subscribed to the commands topic"]);
        } else {
            ran.ok();
        }
    }
}

#[test]
fn the_examples_of_accesstoken_py_work() {
    let scene = Scene::with_policy(&crate::access_tokens::policy());
    scene.run("registries create my-registry --event-notification-config topic=events").ok();
    scene.make_key("my-device");
    scene.run("devices create my-device --public-key path=my-device.pub.pem,type=es256").ok();
    fs::copy(scene.path("my-device.key.pem"), scene.path("device.key.pem")).unwrap();
    fs::write(scene.path("logo.png"), "png").unwrap();
    let mut device = Device::connect(&scene, "my-device");
    device.subscribe("/devices/my-device/commands/#");
    let taken = thread::spawn(move || device.take().1);
    for verb in [
        "generate-access-token",
        "exchange-device-token-for-service-account-token",
        "publish-pubsub-message",
        "download-cloud-storage-file",
        "send-command-to-iot-device",
    ] {
        shell(&scene, &format!("set -e\n{}", examples(&scene, verb))).ok();
    }
    assert_eq!(taken.join().unwrap(), "reboot");
    assert_eq!(fs::read(scene.path("copy.png")).unwrap(), b"png");
}

#[test]
fn a_verb_teaches_its_own_examples() {
    let dir = tempfile::tempdir().unwrap();
    let help = |words: &str| run(program(dir.path()).args(words.split(' ')).arg("--help")).ok();
    let taught = help("configs get-value");
    assert!(
        taught.contains("Examples:\n  export DRAWBRIDGE_REGION") && taught.ends_with("\n  drawbridge configs get-value my-device\n"),
        "{taught}"
    );
    assert_eq!(help("devices configs get-value").split_once("Examples").unwrap().1, taught.split_once("Examples").unwrap().1);
    for verb in ["registries create", "devices list", "credentials delete", "states list", "commands send"] {
        assert!(help(verb).contains(&format!("  drawbridge {verb}")), "{verb}");
    }
}

#[test]
fn what_up_says_next_works() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready.json");
    let mut up = program(dir.path());
    up.args(["up", "--http=127.0.0.1:0", "--mqtt=127.0.0.1:0", "--mqtts=127.0.0.1:0", "--data=d d", "--project=demo", "--ready-file"]);
    let mut process = Process::start("drawbridge up", up.arg(&ready), &dir.path().join("log")).unwrap();
    let greeting = || Ok(fs::read_to_string(dir.path().join("log")).ok().filter(|text| text.contains("devices create")));
    let greeting = process.wait_for("greeting", START_LIMIT, greeting).unwrap();
    let (_, next) = greeting.split_once("Next, ").unwrap();
    assert!(greeting.contains("admin token (shown this once)") && next.contains("drawbridge-shim keygen"), "{greeting}");
    make_key(dir.path(), "device");
    let lines: Vec<_> = next.lines().filter(|l| l.starts_with("  ") && !l.contains("drawbridge-shim")).map(str::trim).collect();
    let done = run(&mut in_shell(dir.path(), &format!("set -e\n{}", lines.join("\n")))).ok();
    assert!(done.starts_with("Created registry `my-registry`.\nCreated device `my-device`, number "), "{done}");
}

#[test]
fn the_examples_of_completion_work() {
    let scene = Scene::new();
    let lines = examples(&scene, "completion");
    for folder in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
        fs::create_dir_all(scene.path(folder)).unwrap();
    }
    shell(&scene, &format!("set -e\n{lines}")).ok();
    let bash = fs::read_to_string(scene.path(".local/share/bash-completion/completions/drawbridge")).unwrap();
    assert!(bash.contains("--event-notification-config") && bash.contains("get-value"));
    run(Command::new("bash").arg("-n").arg(scene.path(".local/share/bash-completion/completions/drawbridge"))).ok();
}
