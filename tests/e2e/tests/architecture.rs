//! The tree is the architecture: who may use whom, read from `cargo metadata`, and the lints under `functions/`, tried on
//! code that breaks them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Result;
use e2e_tests::run_named;
use serde_json::Value;

/// Folder of each room → the rooms it may use. What is absent may be used by nobody but the tests and tools.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("durable", &[]),
    ("websocket", &[]),
    ("functions/domain", &["protocol"]),
    ("functions/edge", &["protocol", "functions/domain"]),
    ("functions/pubsub-fanout", &["protocol", "functions/domain", "functions/edge"]),
    ("functions/device-registry", &["protocol", "functions/domain", "functions/edge"]),
    ("functions/token-exchange", &["protocol", "functions/domain", "functions/edge"]),
    ("functions/storage-download", &["protocol", "functions/domain", "functions/edge"]),
    ("functions/command-relay", &["protocol", "functions/domain", "functions/edge"]),
    ("infra/local", &["protocol", "durable", "functions/domain"]),
    ("infra/gcp", &["protocol", "functions/domain"]),
    ("infra/aws", &["protocol", "functions/domain"]),
    ("infra/nats", &["protocol", "functions/domain"]),
    ("infra/bridge", &["protocol", "websocket", "functions/domain", "functions/pubsub-fanout"]),
    (
        "infra/host",
        &[
            "protocol",
            "functions/domain",
            "functions/edge",
            "functions/pubsub-fanout",
            "functions/device-registry",
            "functions/token-exchange",
            "functions/storage-download",
            "functions/command-relay",
            "infra/local",
            "infra/gcp",
            "infra/aws",
            "infra/nats",
            "infra/bridge",
        ],
    ),
    ("device-shim", &["protocol", "durable", "websocket"]),
    ("cli", &["infra/host"]),
];

/// Rooms outside the product: they may use anything, nothing may use them.
const OUTSIDE: &[&str] = &["tests/", "xtask"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Folder of each of our packages → names of the packages it depends on, test dependencies left out.
fn packages() -> Result<BTreeMap<String, (String, Vec<String>)>> {
    let metadata = run_named("cargo metadata", cargo().args(["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)?;
    let folder = |package: &Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        manifest.strip_prefix(root()).unwrap().display().to_string()
    };
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|d| d["kind"] != "dev").map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    Ok(packages.map(|p| (folder(p), (p["name"].as_str().unwrap().to_owned(), dependencies(p)))).collect())
}

#[test]
fn every_arrow_between_rooms_is_one_of_the_design() -> Result<()> {
    let packages = packages()?;
    let folder_of: BTreeMap<_, _> = packages.iter().map(|(folder, (name, _))| (name.as_str(), folder.as_str())).collect();
    let is_outside = |folder: &str| OUTSIDE.iter().any(|prefix| folder.starts_with(prefix));
    let mut wrong = Vec::new();
    for (folder, (_, dependencies)) in packages.iter().filter(|(folder, _)| !is_outside(folder)) {
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| room == folder) else {
            wrong.push(format!("{folder} has no place in the design: say in this test whom it may use"));
            continue;
        };
        let used = dependencies.iter().filter_map(|name| folder_of.get(name.as_str()));
        wrong.extend(used.filter(|used| !allowed.contains(used)).map(|used| format!("{folder} uses {used}; it may use {allowed:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn the_table_of_arrows_holds_its_own_rules() {
    let is_function = |room: &str| room.starts_with("functions/") && !["functions/domain", "functions/edge"].contains(&room);
    for (room, allowed) in ARROWS {
        let uses = |what: &str| allowed.iter().any(|a| a.starts_with(what));
        assert!(!room.starts_with("functions/") || !(uses("infra/") || uses("device-shim")), "{room}: functions name no cloud");
        assert!(!is_function(room) || !allowed.iter().any(|a| is_function(a)), "{room}: functions do not use each other");
        let is_adapter = ["infra/local", "infra/gcp", "infra/aws", "infra/nats"].contains(room);
        assert!(!is_adapter || !(uses("infra/") || allowed.iter().any(|a| is_function(a))), "{room}: adapters stand alone");
    }
}

#[test]
fn a_dependency_with_one_home_is_used_there_alone() -> Result<()> {
    let homes: &[(&str, &[&str])] = &[
        ("sled", &["durable"]),
        ("backoff", &["device-shim"]),
        ("gcloud-sdk", &["infra/gcp"]),
        ("google-cloud-", &["infra/gcp"]),
        ("aws-config", &["infra/aws"]),
        ("aws-sdk-", &["infra/aws"]),
        ("rmqtt-codec", &["infra/bridge", "device-shim", "tests/bench"]),
        ("tungstenite", &["websocket"]),
        ("tokio-rustls", &["infra/bridge", "infra/host", "device-shim", "tests/bench"]),
    ];
    let mut wrong = Vec::new();
    for (folder, (_, dependencies)) in packages()? {
        for (name, allowed) in homes {
            let used = dependencies.iter().find(|d| d.starts_with(name));
            wrong.extend(used.filter(|_| !allowed.contains(&folder.as_str())).map(|d| format!("{folder} uses {d}: only {allowed:?} may")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Each of these has to be refused below `functions/` and taken beside it.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::time::SystemTime::now();", "take a `Clock`"),
    ("std::time::Instant::now();", "take a `Clock`"),
    ("std::env::var(\"A\").ok();", "configuration is read once"),
    ("std::net::TcpListener::bind(\"127.0.0.1:0\").ok();", "sockets belong to infra/"),
    ("std::thread::spawn(|| ());", "finish, then answer"),
    ("std::fs::read(\"a\").ok();", "a function's files are behind a port"),
];

#[test]
fn the_lints_under_functions_are_in_force() -> Result<()> {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("lints-{}", std::process::id()));
    fs::create_dir_all(dir.join("functions"))?;
    fs::copy(root().join("clippy.toml"), dir.join("clippy.toml"))?;
    fs::copy(root().join("functions/clippy.toml"), dir.join("functions/clippy.toml"))?;
    let lines: Vec<_> = FORBIDDEN.iter().map(|(code, _)| format!("    let _ = {code}")).collect();
    for (package, place) in [("within", "functions/within"), ("beside", "beside")] {
        let src = dir.join(place).join("src");
        fs::create_dir_all(&src)?;
        fs::write(src.join("lib.rs"), format!("pub fn f() {{\n{}\n}}\n", lines.join("\n").replace(";;", ";")))?;
        fs::write(dir.join(place).join("Cargo.toml"), format!("[package]\nname = \"{package}\"\nedition = \"2024\"\n"))?;
    }
    fs::write(dir.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"functions/within\", \"beside\"]\n")?;
    let mut clippy = cargo();
    clippy.current_dir(&dir).args(["clippy", "--offline", "--workspace", "--message-format=short"]);
    let said = clippy.env("CARGO_TARGET_DIR", dir.join("target")).output()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    let refused = |place: &str| said.lines().filter(|l| l.starts_with(place) && l.contains("disallowed")).count();
    assert_eq!((refused("functions/within"), refused("beside")), (FORBIDDEN.len(), 0), "{said}");
    fs::remove_dir_all(&dir)?;
    Ok(())
}
