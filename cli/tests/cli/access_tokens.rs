//! The five subcommands of `accesstoken.py`, against the stand-ins of `drawbridge up`, with a device at the other end.

use std::fs;
use std::process::Command;
use std::thread;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use stage::Http;

use crate::device::Device;
use crate::support::{Ran, Scene, run};

const ACCOUNT: &str = "operator@demo.iam.gserviceaccount.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Devices may publish, store files and act as the accounts; these may send commands.
pub(crate) fn policy() -> Value {
    let devices = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/*";
    let roles = ["pubsub.publisher", "storage.objectUser"].map(|role| json!({ "role": format!("roles/{role}"), "members": [devices] }));
    let local = "operator@local.iam.gserviceaccount.com";
    let act_as = [ACCOUNT, local].map(|account| {
        json!({
            "resource": format!("//iam.googleapis.com/projects/-/serviceAccounts/{account}"),
            "policy": { "bindings": [{ "role": "roles/iam.workloadIdentityUser", "members": [devices] }] },
        })
    });
    let operators = [ACCOUNT, local].map(|account| format!("serviceAccount:{account}"));
    let control = json!({ "role": "roles/cloudiot.deviceController", "members": operators });
    let project = json!({ "resource": "//cloudresourcemanager.googleapis.com/projects/demo", "policy": { "bindings": [&roles[0], &roles[1], control] } });
    json!([project, act_as[0], act_as[1]])
}

/// A device `meter` with a key, in an installation with [`policy`].
fn with_device() -> Scene {
    let scene = Scene::with_policy(&policy());
    scene.run("registries create my-registry --event-notification-config topic=events").ok();
    scene.make_key("meter");
    scene.run("devices create meter --public-key path=meter.pub.pem,type=es256").ok();
    scene
}

/// Words in the sample's manner: underscores, and the device's flags before the subcommand.
fn sample(scene: &Scene, words: &str) -> Ran {
    let device =
        "--project_id=demo --cloud_region=europe-west1 --registry_id=my-registry --device_id=meter --private_key_file=meter.key.pem";
    let line = format!("{device} --endpoint={} {words}", scene.endpoint());
    run(crate::support::program(scene.dir.path()).args(line.split_whitespace()))
}

/// What the stand-in says that a token opens.
fn opens(scene: &Scene, token: &str) -> Value {
    Http::to(scene.cloud.http).get(&format!("/tokeninfo?access_token={token}")).unwrap().success("tokeninfo").unwrap().json().unwrap()
}

#[test]
fn the_sample_line_gives_a_token_for_the_scope() {
    let scene = with_device();
    let said = sample(&scene, &format!("--scope={SCOPE} --algorithm=ES256 generate-access-token")).ok();
    let (token, life) = said.strip_prefix("Device access token: ").unwrap().split_once('\n').unwrap();
    assert!(life.starts_with(&format!("It opens {SCOPE} for 3")), "{said}");
    let grant = opens(&scene, token);
    assert!(grant["scope"] == SCOPE && grant["sub"].as_str().unwrap().starts_with("principal://"), "{grant}");
    let answer = sample(&scene, &format!("generate_access_token --scope {SCOPE} --json")).json();
    assert_eq!(answer["token_type"], "Bearer");
    let alone = sample(&scene, &format!("generate-access-token --scope {SCOPE} --token-only")).ok();
    assert_eq!(opens(&scene, alone.trim())["scope"], SCOPE);
}

#[test]
fn a_device_token_becomes_that_of_a_service_account() {
    let scene = with_device();
    let token = sample(&scene, &format!("--scope={SCOPE} generate-access-token --token_only")).ok();
    let exchange = |account: &str, more: &str| {
        let line = format!("exchange-device-token-for-service-account-token --service_account_email={account} {more}");
        run(scene.command().env("DRAWBRIDGE_DEVICE_ACCESS_TOKEN", token.trim()).args(line.split_whitespace()))
    };
    let said = exchange(ACCOUNT, "").ok();
    assert!(said.starts_with("Service account access token: ") && said.contains("\nIt is good until 2"), "{said}");
    let answer = exchange(ACCOUNT, "--json").json();
    assert_eq!(opens(&scene, answer["accessToken"].as_str().unwrap())["email"], ACCOUNT);
    exchange("other@demo.iam.gserviceaccount.com", "").fails(1, &["PERMISSION_DENIED", "--impersonate", "roles/iam.workloadIdentityUser"]);
    let line = format!("exchange_device_token_for_service_account_token --device_access_token=nonsense --service_account_email={ACCOUNT}");
    sample(&scene, &line).fails(1, &["IAM Credentials", "UNAUTHENTICATED", "generate-access-token"]);
}

#[test]
fn keys_that_openssl_made_by_googles_instructions_sign() {
    let scene = with_device();
    let openssl = |words: &str| run(Command::new("openssl").current_dir(scene.dir.path()).args(words.split(' '))).ok();
    openssl("ecparam -genkey -name prime256v1 -noout -out ec_private.pem");
    openssl("ec -in ec_private.pem -pubout -out ec_public.pem");
    openssl("genpkey -algorithm RSA -out rsa_private.pem -pkeyopt rsa_keygen_bits:2048");
    openssl("req -x509 -new -key rsa_private.pem -out rsa_cert.pem -subj /CN=unused");
    scene.run("credentials create --device meter --path ec_public.pem --type es256").ok();
    scene.run("credentials create --device meter --path rsa_cert.pem --type rs256").ok();
    for (key, algorithm, wrong) in [("ec_private.pem", "ES256", "RS256"), ("rsa_private.pem", "RS256", "ES256")] {
        let line = |algorithm: &str| format!("--private_key_file={key} --algorithm={algorithm} --scope={SCOPE} generate-access-token");
        let run = |line: &str| run(scene.command().env("DRAWBRIDGE_DEVICE", "meter").args(words(line)));
        run(&line(algorithm)).ok();
        run(&line(wrong)).fails(64, &[&format!("give --algorithm {algorithm}")]);
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn a_command_reaches_the_device_by_the_accounts_token() {
    let scene = with_device();
    let line = format!("send-command-to-iot-device --service_account_email={ACCOUNT} --command_to_be_sent_to_device=~~reboot?");
    sample(&scene, &line).fails(1, &["FAILED_PRECONDITION", "subscribed to /devices/DEVICE/commands/#"]);
    let mut device = Device::connect(&scene, "meter");
    device.subscribe("/devices/meter/commands/#");
    let taken = thread::spawn(move || device.take());
    let said = sample(&scene, &line).ok();
    assert_eq!(said, "The device `meter` acknowledged the command.\n");
    assert_eq!(taken.join().unwrap(), ("/devices/meter/commands".to_owned(), "~~reboot?".to_owned()));
}

#[test]
fn a_message_is_published_by_the_device_itself() {
    let scene = with_device();
    let said = sample(&scene, "--topic_id=events publish-pubsub-message").ok();
    assert!(said.starts_with("Published to projects/demo/topics/events: message "), "{said}");
    let answer = sample(&scene, "publish_pubsub_message --topic_id events --message {\"celsius\":21.5} --json").json();
    assert!(answer["messageIds"][0].is_string(), "{answer}");
    let log = scene.dir.path().join("tail.log");
    let mut tail = stage::Tail::follow(env!("CARGO_BIN_EXE_drawbridge").as_ref(), &scene.cloud, "events", &log).unwrap();
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(tail.take(std::time::Duration::from_secs(10)).unwrap().into_iter().map(|m| m.data));
    }
    assert_eq!(found, [&b"MESSAGE_DATA"[..], b"{\"celsius\":21.5}"]);
}

#[test]
fn a_file_goes_there_and_comes_back_as_it_was() {
    let scene = with_device();
    fs::write(scene.path("logo.png"), vec![7; 300_000]).unwrap();
    let said = sample(&scene, "--bucket_name=files --data_path=logo.png download-cloud-storage-file").ok();
    let text = "Uploaded logo.png as gs://files/testFile.ext, downloaded it again: 300000 bytes, crc32c ";
    assert!(said.starts_with(text) && said.ends_with("== is right.\n"), "{said}");
    let line = "download-cloud-storage-file --bucket_name files --data_path logo.png --object_name a/b.png --output back.png --json";
    let answer = sample(&scene, line).json();
    assert_eq!((&answer["bytes"], &answer["object"]["name"]), (&json!(300_000), &json!("a/b.png")), "{answer}");
    assert_eq!(fs::read(scene.path("back.png")).unwrap(), vec![7; 300_000]);
    assert!(!scene.path("back.png.part").exists());
    sample(&scene, "--bucket_name=files --data_path=none.png download-cloud-storage-file").fails(64, &["--data_path none.png"]);
}

#[test]
fn what_curl_would_send_does_the_same_and_shows_no_token() {
    let scene = with_device();
    fs::write(scene.path("logo.png"), "png").unwrap();
    let key = EncodingKey::from_ec_pem(&fs::read(scene.path("meter.key.pem")).unwrap()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let jwt = encode(&Header::new(Algorithm::ES256), &json!({ "iat": now, "exp": now + 600, "aud": "demo" }), &key).unwrap();
    for line in [
        format!("--scope={SCOPE} generate-access-token"),
        "--topic_id=events --message=it's publish-pubsub-message".to_owned(),
        "--bucket_name=files --data_path=logo.png --output=copy.png download-cloud-storage-file".to_owned(),
    ] {
        let printed = sample(&scene, &format!("{line} --curl")).ok();
        assert!(printed.starts_with("# DEVICE_JWT is ") && printed.contains("Bearer $DEVICE_JWT\""), "{printed}");
        let mut shell = Command::new("sh");
        shell.current_dir(scene.dir.path()).env("DEVICE_JWT", &jwt).args(["-ec", &format!("{printed}\ntest -n \"$ACCESS_TOKEN\"")]);
        run(&mut shell).ok();
    }
    assert_eq!(fs::read(scene.path("copy.png")).unwrap(), b"png");
    let line =
        format!("--device_access_token=s3cret --service_account_email={ACCOUNT} exchange-device-token-for-service-account-token --curl");
    let printed = sample(&scene, &line).ok();
    assert!(printed.contains("Bearer $DRAWBRIDGE_DEVICE_ACCESS_TOKEN\"") && !printed.contains("s3cret"), "{printed}");
    let command = format!("--service_account_email={ACCOUNT} --command_to_be_sent_to_device=x send-command-to-iot-device --curl");
    let printed = sample(&scene, &command).ok();
    assert!(printed.lines().last().unwrap().contains("Bearer $SERVICE_ACCOUNT_TOKEN\""), "{printed}");
}

#[test]
fn each_service_may_be_elsewhere() {
    let scene = with_device();
    let nobody = "http://127.0.0.1:1";
    fs::write(scene.path("google.toml"), format!("endpoint = \"{nobody}\"\n[urls]\ntoken_service = \"{}\"\n", scene.endpoint())).unwrap();
    let at = |words: &str| {
        let line = format!("--profile google.toml --device_id=meter --private_key_file=meter.key.pem {words}");
        let mut command = scene.command();
        run(command.env_remove("DRAWBRIDGE_ENDPOINT").args(line.split_whitespace()))
    };
    at(&format!("--scope={SCOPE} generate-access-token")).ok();
    at("--topic_id=events publish-pubsub-message").fails(1, &["no answer from Pub/Sub at http://127.0.0.1:1", "--pubsub_url URL"]);
    at(&format!("--topic_id=events --pubsub_url={} publish-pubsub-message", scene.endpoint())).ok();
    at(&format!("--scope={SCOPE} --token-service-url={nobody} generate-access-token"))
        .fails(1, &["the token service at http://127.0.0.1:1"]);
    fs::write(scene.path("google.toml"), "[urls]\npubsb = \"x\"").unwrap();
    at("--topic_id=events publish-pubsub-message").fails(64, &["line 2", "`pubsb`", "`pubsub`"]);
}

#[test]
fn what_is_missing_or_not_registered_is_said() {
    let scene = with_device();
    let with = |words: &str| run(scene.command().args(words.split_whitespace()));
    with(&format!("generate-access-token --scope {SCOPE}")).fails(64, &["no device_id", "DRAWBRIDGE_DEVICE"]);
    with(&format!("generate-access-token --scope {SCOPE} --device_id meter")).fails(64, &["--private_key_file", "drawbridge-shim keygen"]);
    with("generate-access-token --device_id meter").fails(64, &["--scope <SCOPES>"]);
    let public = format!("generate-access-token --scope {SCOPE} --device_id meter --private_key_file meter.pub.pem");
    with(&public).fails(64, &["meter.pub.pem is no private key"]);
    scene.make_key("stranger");
    let stranger = format!("generate-access-token --scope {SCOPE} --device_id meter --private_key_file stranger.key.pem");
    with(&stranger).fails(1, &["UNAUTHENTICATED", "drawbridge credentials list"]);
    sample(&scene, "--scope=nonsense generate-access-token").fails(1, &["INVALID_ARGUMENT", "separated by spaces"]);
}
