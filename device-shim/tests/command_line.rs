//! What a person types, and what the exit code says.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rmqtt_codec::v5::ConnectAckReason;
use support::bridge::{Act, Bridge};
use support::shim::{Shim, run};
use support::wait_until;

fn text(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_bad_configuration_ends_the_start_with_64_and_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shim.toml");
    let path = file.to_str().unwrap();
    let least = "device = \"projects/p-1/locations/l/registries/reg/devices/dev\"\nprivate_key = \"k\"\nbridge = \"mqtts://b\"\n";
    for (config, expected) in [
        (format!("{least}[link]\nwindow = 0\n"), "drawbridge-shim: key `link.window` is 0: it must be a whole number from 1 to 1000"),
        (format!("{least}windw = 1\n"), "drawbridge-shim: key `windw` is unknown; allowed here: device, private_key, "),
        (
            least.replace("mqtts://b", "mqtt://192.0.2.7"),
            "drawbridge-shim: key `bridge` is \"mqtt://192.0.2.7:1883\", without TLS: whoever is on the way reads the device's token",
        ),
        ("device = [\n".to_owned(), "drawbridge-shim: the configuration is not TOML: line "),
    ] {
        fs::write(&file, config).unwrap();
        for command in ["run", "status", "doctor", "token"] {
            let output = run(&[command, "--config", path], "");
            assert_eq!(output.status.code(), Some(64), "{command}: {}", text(&output));
            assert!(text(&output).contains(expected), "{command}: {}", text(&output));
            assert_eq!(text(&output).lines().count(), 1, "one sentence: {}", text(&output));
        }
    }
    let output = run(&["run", "--config", "/nowhere/shim.toml"], "");
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output).contains("configuration /nowhere/shim.toml cannot be read"), "{}", text(&output));
}

#[test]
fn a_token_that_may_go_in_clear_is_warned_of_once_at_the_start() {
    let mut shim = Shim::configure(([127, 0, 0, 1], 1).into(), "");
    let config =
        fs::read_to_string(shim.config()).unwrap().replace("mqtt://127.0.0.1:1\"", "mqtt://bridge.invalid\"\nallow_unencrypted = true");
    fs::write(shim.config(), config).unwrap();
    shim.restart();
    let says = "`allow_unencrypted`: the device's token goes to mqtt://bridge.invalid:1883 in clear, keep to a network of your own";
    let log = shim.log();
    assert_eq!(log.matches("allow_unencrypted").count(), 1, "{log}");
    assert!(log.contains("WARN") && log.contains(says), "{log}");
}

#[test]
fn the_example_is_printed_whole() {
    let output = run(&["config", "--example"], "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), device_shim::config::EXAMPLE);
}

#[test]
fn keys_are_private_and_never_overwritten() {
    for (algorithm, x509, public, format) in [
        ("es256", false, "device.pub.pem", "ES256_PEM"),
        ("es256", true, "device.crt.pem", "ES256_X509_PEM"),
        ("rs256", false, "device.pub.pem", "RSA_PEM"),
        ("rs256", true, "device.crt.pem", "RSA_X509_PEM"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut arguments = vec!["keygen", "--algorithm", algorithm, "--out", dir.path().to_str().unwrap()];
        arguments.extend(x509.then_some("--x509"));
        let output = run(&arguments, "");
        assert!(output.status.success() && text(&output).contains(format), "{}", text(&output));
        let key = dir.path().join("device.key.pem");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let (private, public) = (fs::read_to_string(&key).unwrap(), fs::read_to_string(dir.path().join(public)).unwrap());
        assert!(private.starts_with("-----BEGIN PRIVATE KEY-----"), "PKCS#8");
        assert!(public.starts_with(if x509 { "-----BEGIN CERTIFICATE-----" } else { "-----BEGIN PUBLIC KEY-----" }));
        assert!(!text(&output).contains(private.lines().nth(1).unwrap()), "the key is not printed");
        let again = run(&arguments, "");
        assert_eq!(again.status.code(), Some(1));
        assert!(text(&again).contains("exists and is not overwritten"), "{}", text(&again));
        assert_eq!(fs::read_to_string(&key).unwrap(), private);
    }
}

#[test]
fn send_and_status_say_when_no_shim_is_running() {
    let shim = Shim::configure(([127, 0, 0, 1], 1).into(), "");
    let config = shim.config();
    for command in ["send", "status"] {
        let output = run(&[command, "--config", config.to_str().unwrap()], "x");
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output).contains("no shim answers at ") && text(&output).contains("Start it with `drawbridge-shim run`"),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn send_takes_the_whole_input_or_each_line_and_status_shows_it() {
    let bridge = Bridge::start([]);
    let shim = Shim::start(bridge.addr, "");
    let config = shim.config();
    let config = config.to_str().unwrap();
    assert_eq!(text(&run(&["send", "--config", config, "--subfolder", "ab/cd"], "one\ntwo\n")), "1 of 1 readings are durable\n");
    assert_eq!(text(&run(&["send", "--config", config, "--lines"], "one\ntwo\n\nfour")), "4 of 4 readings are durable\n");
    assert_eq!(text(&run(&["send", "--config", config, "--lines"], "")), "0 of 0 readings are durable\n");
    assert_eq!(text(&run(&["send", "--config", config, "--state"], "ok")), "1 of 1 readings are durable\n");
    let bad = run(&["send", "--config", config, "--lines", "--subfolder", "1"], "one\ntwo\n");
    assert!(!bad.status.success() && text(&bad).contains("0 of 2 readings are durable: subfolder `1` is not valid"), "{}", text(&bad));
    shim.wait_delivered(6);
    assert_eq!(bridge.arrived(), ["one\ntwo\n", "one", "two", "", "four", "ok"]);
    let table = text(&run(&["status", "--config", config], ""));
    assert!(table.contains("delivered    6") && table.contains("link         connected"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&text(&run(&["status", "--json", "--config", config], ""))).unwrap();
    assert_eq!((&json["accepted"], &json["boot"]), (&6.into(), &1.into()));
}

#[test]
fn a_second_shim_does_not_start_on_the_same_socket() {
    let shim = Shim::start(([127, 0, 0, 1], 1).into(), "");
    let other = Shim::configure(([127, 0, 0, 1], 1).into(), &format!("[accept]\nunix = \"{}\"\n", shim.path("data/shim.sock").display()));
    let output = run(&["run", "--config", other.config().to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("another shim answers there"), "{}", text(&output));
}

#[test]
fn the_doctor_names_the_step_that_fails_and_what_to_do() {
    let bridge = Bridge::start([]);
    let shim = Shim::configure(bridge.addr, "");
    let doctor = || {
        let output = run(&["doctor", "--config", shim.config().to_str().unwrap()], "");
        (output.status.code(), text(&output))
    };
    let (code, said) = doctor();
    assert_eq!((code, said.matches("ok ").count()), (Some(0), 5), "{said}");
    assert!(said.contains("connection: the bridge let this device in, 100 readings at a time"), "{said}");
    wait_until("it has said goodbye", || bridge.seen().goodbyes == 1);

    shim.write_config(([127, 0, 0, 1], 1).into(), "");
    let (code, said) = doctor();
    assert!(code == Some(1) && said.contains("FAIL  connection: cannot reach 127.0.0.1:1") && said.contains("firewall"), "{said}");

    let reason = "unknown device, or no unexpired key of the device verifies the token's signature";
    let refusing = Bridge::start([Act::Refuse(ConnectAckReason::NotAuthorized, reason.into())]);
    shim.write_config(refusing.addr, "");
    let (_, said) = doctor();
    assert!(said.contains(reason) && said.contains("Compare the public half of "), "{said}");

    let key = shim.path("device.key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = doctor();
    assert!(said.contains("FAIL  private key: others may read") && said.contains("chmod 600"), "{said}");
    fs::write(&key, "nothing").unwrap();
    let (_, said) = doctor();
    assert!(said.contains("it holds no PEM private key") && !said.contains("nothing"), "{said}");
}
