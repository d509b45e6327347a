//! What Terraform sets is what the code reads, and what a function may do is what it works with. Terraform itself is tried by
//! `cargo xtask terraform`; this needs none.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use e2e_tests::terraform::{Example, Variables};
use host::config::{Config, VARIABLES};
use host::mount::{Function, Uses};
use serde_json::{Value, json};

const PROVIDER: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge/providers/devices";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn gcp(with_bridge: bool) -> Result<Example> {
    let var = json!({ "project": "my-project", "region": "europe-west1", "issuer": null, "with_bridge": with_bridge, "bridge_home": "machines", "labels": {} });
    Example::read(
        "gcp",
        json!({
            "var": var,
            "data": { "google_project": { "this": { "number": "123456" } } },
            "module": {
                "records": { "url": "firestore://my-project/drawbridge" },
                "nats": [{ "url": "nats://10.72.0.2:4222,10.72.0.3:4222,10.72.0.4:4222" }],
                "topics": { "names": ["readings"] },
                "files": { "name": "my-files" },
            },
            "google_secret_manager_secret": { "admin_token": { "secret_id": "drawbridge-admin-token" } },
        }),
    )
}

fn aws() -> Result<Example> {
    let google = json!({ "project": "my-project", "credentials": CREDENTIALS, "devices_provider": PROVIDER });
    let var = json!({ "region": "eu-central-1", "issuer": "https://tokens.example.com", "google": google, "tags": {} });
    let key = "arn:aws:kms:eu-central-1:123456789012:key/0c1f3b57-0d61-4a59-8e0c-3a3f6f9d8a11";
    Example::read(
        "aws",
        json!({
            "var": var,
            "data": {
                "aws_caller_identity": { "this": { "account_id": "123456789012" } },
                "aws_iot_endpoint": { "devices": { "endpoint_address": "a1b2c3-ats.iot.eu-central-1.amazonaws.com" } },
            },
            "module": {
                "records": { "url": "dynamodb://drawbridge", "arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/drawbridge" },
                "signing_key": { "url": format!("awskms://{key}"), "arn": key },
                "bridge": { "queue_arn": "arn:aws:sqs:eu-central-1:123456789012:drawbridge-events" },
            },
            "aws_secretsmanager_secret": {
                "admin_token": { "arn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:drawbridge-admin-token-AbCdEf" },
            },
        }),
    )
}

/// As the module gcp/aws-trust puts it out.
const CREDENTIALS: &str = r#"{"type":"external_account","audience":"//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/drawbridge-aws/providers/aws","subject_token_type":"urn:ietf:params:aws:token-type:aws4_request","token_url":"https://sts.googleapis.com/v1/token","credential_source":{"environment_id":"aws1","regional_cred_verification_url":"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"}}"#;

/// Whether the process starts with these, and those that its home adds.
fn starts(what: &str, mut variables: Variables, home: &[(&str, &str)]) -> Result<Config> {
    variables.extend(home.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Config::read(&variables).with_context(|| format!("{what} with {variables:?}"))
}

#[test]
fn every_function_at_google_starts_with_what_terraform_sets() -> Result<()> {
    for with_bridge in [false, true] {
        let example = gcp(with_bridge)?;
        let functions = example.functions()?;
        assert_eq!(functions.len(), Function::ALL.len() - 1, "the bridge is a module of its own");
        for (name, settings) in functions {
            let config = starts(&name, example.variables_of(&name, &settings)?, &[("PORT", "8080"), ("K_SERVICE", "function")])?;
            assert_eq!(config.functions.iter().map(Function::name).collect::<Vec<_>>(), [name]);
        }
    }
    let bridge = starts("bridge", gcp(true)?.variables_of_bridge()?, &[])?;
    assert!(bridge.functions.has(Function::Bridge) && bridge.mqtt.is_some());
    Ok(())
}

#[test]
fn the_bridge_on_cloud_run_starts_with_what_terraform_sets_and_runs_who_sends_commands() -> Result<()> {
    let example = gcp(true)?;
    let settings = example.bridge_on_cloud_run()?;
    let config = starts("bridge on Cloud Run", settings.variables, &[("PORT", "8080"), ("K_SERVICE", "bridge")])?;
    assert_eq!(config.functions.iter().map(Function::name).collect::<Vec<_>>(), ["command-relay", "device-registry", "bridge"]);
    assert_eq!((config.mqtt, config.mqtts, config.urls.commands.as_str()), (None, None, "local:"));
    // Cloud Run cuts a connection at its timeout, and kills 10 s after SIGTERM.
    let max_session = config.limits.max_session.unwrap().as_secs();
    assert!(max_session + config.limits.drain.as_secs() + 1 < settings.timeout_secs, "{max_session} of {}", settings.timeout_secs);
    assert!(2 * config.limits.drain.as_secs() < 10);
    Ok(())
}

#[test]
fn every_function_at_aws_starts_with_what_terraform_sets() -> Result<()> {
    let example = aws()?;
    for (name, settings) in example.functions()? {
        let config = starts(&name, example.variables_of(&name, &settings)?, &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")])?;
        assert_eq!(config.functions.iter().map(Function::name).collect::<Vec<_>>(), [settings["function"].as_str().unwrap()]);
    }
    Ok(())
}

#[test]
fn a_variable_that_terraform_names_is_read_by_somebody() -> Result<()> {
    let known: BTreeSet<_> = VARIABLES.iter().map(|v| v.name).collect();
    let mut unknown = Vec::new();
    let mut named = 0;
    for file in files(&root().join("terraform"))? {
        let text = fs::read_to_string(&file)?;
        for rest in text.split("DRAWBRIDGE_").skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(rest.len());
            let name = format!("DRAWBRIDGE_{}", &rest[..end]);
            named += 1;
            unknown.extend((!known.contains(name.as_str())).then(|| format!("{}: {name}", file.display())));
        }
    }
    assert!(named > 10, "terraform/ names {named} variables: is it read?");
    assert!(unknown.is_empty(), "nobody reads\n{}", unknown.join("\n"));
    Ok(())
}

/// `.tf`, `.yaml` and `.hcl` below a folder; not what Terraform keeps there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with(".terraform") {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|e| ["tf", "yaml", "hcl"].iter().any(|known| e == *known)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The columns of an example's table, and what the code works with.
fn compare(what: &str, settings: &Value, uses: Uses) {
    assert_eq!(settings["records"], "write", "{what}: every function keeps last-seen times");
    for (column, used) in [("publishes", uses.publisher), ("objects", uses.objects), ("commands", uses.commands)] {
        assert_eq!(settings[column], used, "{what}: {column}");
    }
}

fn function(name: &str) -> Function {
    Function::ALL.into_iter().find(|f| f.name() == name).unwrap()
}

#[test]
fn a_function_at_google_may_do_what_it_works_with_and_no_more() -> Result<()> {
    let example = gcp(true)?;
    for (name, settings) in example.functions()? {
        let uses = function(&name).uses();
        compare(&name, &settings, uses);
        let given = |argument: &str| Ok::<_, anyhow::Error>(example.argument("function", argument, Some((&name, &settings)))?.unwrap());
        assert_eq!(given("secrets")? != json!({}), uses.admin, "{name}: secrets");
        assert_eq!(given("publishes_to")? != json!([]), uses.publisher, "{name}: publishes_to");
        assert_eq!(given("objects_in")? != json!([]), uses.objects, "{name}: objects_in");
    }
    Ok(())
}

#[test]
fn a_function_at_aws_may_do_what_it_works_with_and_no_more() -> Result<()> {
    let example = aws()?;
    for (name, settings) in example.functions()? {
        // Who only says who a device is publishes nothing; who reads the queue answers a device that subscribed.
        let (authorizes, reads_queue) = (settings["events"] == "authorizer", settings["events"] == "queue");
        let uses = function(settings["function"].as_str().unwrap()).uses();
        let uses = Uses { publisher: uses.publisher && !authorizes, commands: uses.commands || reads_queue, ..uses };
        compare(&name, &settings, uses);
        let given = |argument: &str| Ok::<_, anyhow::Error>(example.argument("function", argument, Some((&name, &settings)))?.unwrap());
        assert_eq!(given("secrets")? != json!({}), uses.admin, "{name}: secrets");
        assert_eq!(!given("signing_key_arn")?.is_null(), uses.tokens, "{name}: signing_key_arn");
        assert_eq!(!given("queue_arn")?.is_null(), reads_queue, "{name}: queue_arn");
    }
    Ok(())
}

#[test]
fn no_collection_of_firestore_is_indexed() -> Result<()> {
    let code = fs::read_to_string(root().join("infra/gcp/src/firestore.rs"))?;
    let kinds: BTreeSet<_> = code.split("kind(&client, \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let module = fs::read_to_string(root().join("terraform/modules/gcp/records/main.tf"))?;
    let list = module.split("collections = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let listed: BTreeSet<_> = list.split('"').skip(1).step_by(2).collect();
    assert!(!kinds.is_empty());
    assert_eq!(listed, kinds);
    Ok(())
}

/// The names in quotes after `default` in a variable of the module that lets functions on AWS into Google.
fn trusted(variable: &str) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(root().join("terraform/modules/gcp/aws-trust/variables.tf"))?;
    let block =
        text.split(&format!("variable \"{variable}\" {{")).nth(1).and_then(|rest| rest.split("\n}").next()).context("no such variable")?;
    let default = block.split("default").nth(1).context("no default")?;
    Ok(default.split('"').skip(1).step_by(2).map(Into::into).collect())
}

#[test]
fn google_trusts_the_roles_of_aws_that_work_there_and_no_others() -> Result<()> {
    let functions = aws()?.functions()?;
    let roles = |column: &str| -> BTreeSet<String> {
        functions.iter().filter(|(_, settings)| settings[column] == true).map(|(name, _)| format!("drawbridge-{name}")).collect()
    };
    assert_eq!(trusted("publisher_roles")?, roles("publishes"));
    assert_eq!(trusted("files_role")?, roles("objects"));
    Ok(())
}
