//! What `drawbridge-function` takes from its environment, and how it refuses what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use host::config::{Config, ConfigError, Environment, VARIABLES, help};
use host::mount::Function;

const BRIDGE: [(&str, &str); 4] = [
    ("DRAWBRIDGE_FUNCTIONS", "bridge"),
    ("DRAWBRIDGE_RECORDS", "firestore://my-project"),
    ("DRAWBRIDGE_PUBLISHER", "pubsub://my-project"),
    ("DRAWBRIDGE_MQTT", "127.0.0.1:0"),
];

fn read(base: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let all = base.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::read(&all.collect::<Environment>())
}

fn refusal(base: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    read(base, more).unwrap_err().to_string()
}

#[test]
fn a_bridge_node_needs_no_more_than_what_it_works_with() {
    let config = read(&BRIDGE, &[("DRAWBRIDGE_COMMANDS", "nats://n1:4222"), ("PATH", "/bin"), ("PORT", "9090")]).unwrap();
    assert_eq!(config.functions.iter().collect::<Vec<_>>(), [Function::Bridge]);
    assert_eq!(config.http.to_string(), "0.0.0.0:9090");
    assert_eq!((config.urls.objects, config.tokens.is_none(), config.admin_token.is_none()), (None, true, true));
    assert_eq!(config.urls.commands, "nats://n1:4222");
}

#[test]
fn a_session_has_the_life_and_the_drain_that_are_given() {
    let default = read(&BRIDGE, &[]).unwrap().limits;
    assert_eq!((default.max_session, default.drain.as_secs()), (None, 10));
    let given = read(&BRIDGE, &[("DRAWBRIDGE_MAX_SESSION_SECS", "3300"), ("DRAWBRIDGE_DRAIN_SECS", "4")]).unwrap().limits;
    assert_eq!((given.max_session.map(|max| max.as_secs()), given.drain.as_secs()), (Some(3300), 4));
}

#[test]
fn emulators_are_those_that_googles_programs_know() {
    let config = read(&BRIDGE, &[("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1"), ("PUBSUB_EMULATOR_HOST", "")]).unwrap();
    assert_eq!((config.urls.emulators.firestore.as_deref(), config.urls.emulators.pubsub), (Some("127.0.0.1:1"), None));
}

#[test]
fn a_misspelt_variable_is_named_with_the_nearest_and_a_strange_one_with_all() {
    let text = refusal(&BRIDGE, &[("DRAWBRIDGE_RECORD", "memory:")]);
    assert_eq!(text, "environment variable `DRAWBRIDGE_RECORD` is not known; did you mean `DRAWBRIDGE_RECORDS`?");
    let text = refusal(&BRIDGE, &[("DRAWBRIDGE_COLOUR", "green")]);
    assert!(text.starts_with("environment variable `DRAWBRIDGE_COLOUR` is not known; known are DRAWBRIDGE_FUNCTIONS,"), "{text}");
    assert!(read(&BRIDGE, &[("DRAWBRIDGE_SHIM_CONFIG", "x"), ("DRAWBRIDGE_TEST_PYTHON", "x")]).is_ok(), "of other programs");
}

#[test]
fn a_bad_value_is_named_with_what_is_allowed() {
    for (name, value, expected) in [
        ("DRAWBRIDGE_FUNCTIONS", "brigde", "DRAWBRIDGE_FUNCTIONS is `brigde` (`brigde` is no function"),
        ("DRAWBRIDGE_MAX_SESSION_SECS", "0", "DRAWBRIDGE_MAX_SESSION_SECS is `0` (out of range): it must be seconds, 1 to 86400"),
        ("DRAWBRIDGE_DRAIN_SECS", "601", "DRAWBRIDGE_DRAIN_SECS is `601` (out of range): it must be seconds, 1 to 600"),
        ("PORT", "70000", "PORT is `70000` (number too large"),
        ("DRAWBRIDGE_MQTT", "1883", "DRAWBRIDGE_MQTT is `1883` (invalid socket address syntax): it must be address:port"),
        ("DRAWBRIDGE_PUBSUB_ORDERING", "maybe", "DRAWBRIDGE_PUBSUB_ORDERING is `maybe` (neither): it must be device or none"),
    ] {
        let text = refusal(&BRIDGE, &[(name, value)]);
        assert!(text.starts_with(expected), "{text}");
    }
    let long = refusal(&BRIDGE, &[("DRAWBRIDGE_MQTT", &"9".repeat(5_000))]);
    assert!(long.len() < 300, "{} bytes", long.len());
}

#[test]
fn what_a_function_needs_is_asked_for_in_its_name() {
    let base = [("DRAWBRIDGE_RECORDS", "memory:"), ("DRAWBRIDGE_COMMANDS", "nats://n1:4222")];
    for (functions, expected) in [
        ("pubsub-fanout", "DRAWBRIDGE_PUBLISHER is not set, and pubsub-fanout needs it: log:{folder}, pubsub://{project}"),
        ("storage-download", "DRAWBRIDGE_OBJECTS is not set, and storage-download needs it"),
        ("command-relay", "DRAWBRIDGE_ADMIN_TOKEN is not set, and command-relay needs it"),
        ("token-exchange", "DRAWBRIDGE_TOKENS is not set, and token-exchange needs it"),
    ] {
        let text = refusal(&base, &[("DRAWBRIDGE_FUNCTIONS", functions)]);
        assert!(text.starts_with(expected), "{text}");
    }
    assert!(refusal(&base, &[]).starts_with("DRAWBRIDGE_FUNCTIONS is not set, and this program needs it"));
    let no_records = refusal(&[("DRAWBRIDGE_FUNCTIONS", "token-exchange")], &[]);
    assert!(no_records.starts_with("DRAWBRIDGE_RECORDS is not set, and every function needs it: sled:{folder}"), "{no_records}");
}

#[test]
fn commands_that_would_reach_nobody_are_refused() {
    let base = [("DRAWBRIDGE_FUNCTIONS", "command-relay"), ("DRAWBRIDGE_RECORDS", "memory:"), ("DRAWBRIDGE_ADMIN_TOKEN", "t")];
    let text = refusal(&base, &[]);
    assert!(text.contains("command-relay runs here and the bridge does not") && text.contains("nats://host:port"), "{text}");
    assert!(read(&base, &[("DRAWBRIDGE_COMMANDS", "nats://n1:4222")]).is_ok());
}

#[test]
fn a_bridge_may_have_http_alone_and_tls_has_its_certificate() {
    let bridge = &BRIDGE[..3];
    assert!(read(bridge, &[]).unwrap().mqtt.is_none(), "MQTT over WebSocket comes by HTTP");
    let tls = ("DRAWBRIDGE_MQTTS", "127.0.0.1:0");
    assert!(refusal(bridge, &[tls]).starts_with("DRAWBRIDGE_TLS_CERT is not set, and DRAWBRIDGE_MQTTS needs it"));
    assert!(refusal(bridge, &[tls, ("DRAWBRIDGE_TLS_CERT", "c")]).starts_with("DRAWBRIDGE_TLS_KEY is not set, and DRAWBRIDGE_TLS_CERT"));
    assert!(read(bridge, &[tls, ("DRAWBRIDGE_TLS_CERT", "c"), ("DRAWBRIDGE_TLS_KEY", "k")]).is_ok());
}

#[test]
fn the_admin_token_comes_from_a_variable_or_from_a_file_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "hush\n").unwrap();
    let file = file.to_str().unwrap();
    let base = [("DRAWBRIDGE_FUNCTIONS", "device-registry"), ("DRAWBRIDGE_RECORDS", "memory:"), ("DRAWBRIDGE_COMMANDS", "nats://n:1")];
    let config = read(&base, &[("DRAWBRIDGE_ADMIN_TOKEN_FILE", file)]).unwrap();
    assert!(config.admin_token.is_some() && !format!("{config:?}").contains("hush"));
    let both = refusal(&base, &[("DRAWBRIDGE_ADMIN_TOKEN_FILE", file), ("DRAWBRIDGE_ADMIN_TOKEN", "hush")]);
    assert_eq!(both, "DRAWBRIDGE_ADMIN_TOKEN and DRAWBRIDGE_ADMIN_TOKEN_FILE are both set: set one of them");
    let absent = refusal(&base, &[("DRAWBRIDGE_ADMIN_TOKEN_FILE", "/nowhere/token")]);
    assert!(absent.starts_with("DRAWBRIDGE_ADMIN_TOKEN_FILE is `/nowhere/token` (No such file"), "{absent}");
}

#[test]
fn help_and_the_operations_page_name_every_variable() {
    let operations = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md")).unwrap();
    for variable in VARIABLES {
        assert!(help().contains(&format!("  {} ", variable.name)), "--help lacks {}", variable.name);
        assert!(operations.contains(&format!("`{}`", variable.name)), "docs/operations.md lacks `{}`", variable.name);
        assert!(!variable.about.is_empty() && !variable.allowed.is_empty());
    }
}

#[test]
fn a_wrong_variable_ends_the_program_with_64_and_one_sentence() {
    let run = |env: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge-function"));
        let output = command.env_clear().envs(env.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&[("DRAWBRIDGE_FUNCTIONS", "all")]);
    assert_eq!((code, text.lines().count()), (Some(64), 1), "{text}");
    let (code, text) = run(&[BRIDGE[0], ("DRAWBRIDGE_RECORDS", "redis://x"), BRIDGE[2], BRIDGE[3]]);
    assert_eq!(code, Some(64), "{text}");
    assert!(text.starts_with("drawbridge-function: records `redis://x` is not known: use one of sled:"), "{text}");
}
