//! Servers that ask who we are: credentials of an operator's account, TLS, and a certificate of ours.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code, reason = "a test fails by panicking")]

#[path = "secured/accounts.rs"]
mod accounts;
#[path = "secured/certificates.rs"]
mod certificates;
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{CommandChannel as _, Delivery};
use infra_nats::{Nats, NatsError, Options};
use stage::{NatsServer, Node};
use support::{Device, WrongClock, command, connected_to, key, options};
use tempfile::TempDir;

use accounts::Operator;
use certificates::Certificates;

/// As long as a server that refuses us is given to change its mind.
const A_WHILE: Duration = Duration::from_millis(1500);

struct Secured {
    server: NatsServer,
    operator: Operator,
    files: Certificates,
    folder: TempDir,
}

impl Secured {
    /// A server with the accounts of an operator and with TLS, which asks for a certificate too.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (operator, files) = (Operator::new(), Certificates::in_folder(folder.path()));
        let config = format!("{}\n{}", operator.config(), files.config());
        let server = NatsServer::configured(&NatsServer::program_from_env().unwrap(), folder.path(), &config).unwrap();
        Self { server, operator, files, folder }
    }

    fn credentials(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn url(&self) -> String {
        format!("tls://{}", self.server.addr())
    }

    /// What a process is told that is let in.
    fn options(&self, node: u64) -> Options {
        Options {
            credentials: Some(self.credentials("function.creds", &self.operator.user())),
            roots: Some(self.files.ca.clone()),
            certificate: Some((self.files.certificate.clone(), self.files.key.clone())),
            ..options(vec![self.url()], node)
        }
    }
}

/// It does not get in, says so for each command, and does not end.
async fn assert_refused(why: &str, options: Options) {
    let function = Nats::connect(options, Arc::<WrongClock>::default()).await.unwrap();
    tokio::time::sleep(A_WHILE).await;
    assert!(!function.is_up(), "{why}");
    let e = function.deliver(&key("dev"), command("x")).await.unwrap_err();
    assert!(e.is_retryable() && e.to_string().contains("NATS is not connected"), "{why}: {e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_credentials_over_tls_with_certificates_of_both_sides_commands_arrive() {
    let secured = Secured::new();
    let (function, node) = (connected_to(secured.options(1)).await, connected_to(secured.options(2)).await);
    let device = Device::that_answers(Delivery::Acknowledged);
    let _here = device.enter(&node, &key("dev")).await;
    assert_eq!(function.deliver(&key("dev"), command("x")).await.unwrap(), Delivery::Acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_known_is_not_let_in_and_its_commands_fail_at_once() {
    let secured = Secured::new();
    let of_another = secured.credentials("another.creds", &Operator::new().user());
    assert_refused("a user of another operator", Options { credentials: Some(of_another), ..secured.options(1) }).await;
    assert_refused("nobody", Options { credentials: None, ..secured.options(2) }).await;
    assert_refused("no certificate of ours", Options { certificate: None, ..secured.options(3) }).await;
    let stranger = tempfile::tempdir().unwrap();
    let other = Certificates::in_folder(stranger.path());
    assert_refused("a server that another authority signed", Options { roots: Some(other.ca), ..secured.options(4) }).await;
    let expired = secured.credentials("expired.creds", &secured.operator.user_until(1_700_000_000));
    assert_refused("credentials that have expired", Options { credentials: Some(expired), ..secured.options(5) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_another_account_reaches_nobody() {
    let secured = Secured::new();
    let of_another = secured.credentials("tenant.creds", &secured.operator.user_of_another_account());
    let node = connected_to(secured.options(1)).await;
    let tenant = connected_to(Options { credentials: Some(of_another), ..secured.options(2) }).await;
    let device = Device::that_answers(Delivery::Acknowledged);
    let _here = device.enter(&node, &key("dev")).await;
    assert_eq!(tenant.deliver(&key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
    assert_eq!(device.got(), 0);
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("empty.creds"), "").unwrap();
    for credentials in ["absent.creds", "empty.creds"] {
        let given = Options { credentials: Some(file(credentials)), ..options(vec!["127.0.0.1:1".into()], 1) };
        let e = Nats::connect(given, Arc::<WrongClock>::default()).await.unwrap_err();
        assert!(matches!(e, NatsError::Credentials { .. }) && e.to_string().contains(credentials), "{e}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_takes_all_of_it_from_its_variables() {
    let secured = Secured::new();
    let program = std::env::var("DRAWBRIDGE_TEST_FUNCTION").expect("DRAWBRIDGE_TEST_FUNCTION is not set: run this by `cargo xtask test`");
    let options = secured.options(1);
    let shown = |path: &PathBuf| path.display().to_string();
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "command-relay".to_owned()),
        ("DRAWBRIDGE_RECORDS", "memory:".to_owned()),
        ("DRAWBRIDGE_ADMIN_TOKEN", "admin".to_owned()),
        ("DRAWBRIDGE_COMMANDS", secured.url()),
        ("DRAWBRIDGE_NATS_CREDENTIALS", shown(options.credentials.as_ref().unwrap())),
        ("DRAWBRIDGE_NATS_CA", shown(&secured.files.ca)),
        ("DRAWBRIDGE_NATS_CERT", shown(&secured.files.certificate)),
        ("DRAWBRIDGE_NATS_KEY", shown(&secured.files.key)),
    ];
    let commands = |left_out: &str| {
        let given: Vec<_> = variables.iter().filter(|(n, _)| !left_out.contains(n)).map(|(n, v)| (*n, v.as_str())).collect();
        let node = Node::start(program.as_ref(), secured.folder.path(), "function", &given).unwrap();
        let began = std::time::Instant::now();
        loop {
            let said = node.ready().unwrap().1["commands"].as_str().unwrap().to_owned();
            if said == "ok" || began.elapsed() > A_WHILE {
                return said;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    assert_eq!(commands(""), "ok");
    for needed in ["DRAWBRIDGE_NATS_CREDENTIALS", "DRAWBRIDGE_NATS_CA", "DRAWBRIDGE_NATS_CERT, DRAWBRIDGE_NATS_KEY"] {
        assert!(commands(needed).starts_with("down"), "without {needed}");
    }
}
