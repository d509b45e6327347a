//! DynamoDB, KMS and Secrets Manager as moto plays them, behind what moto cannot be made to show: a gate that throttles and
//! refuses in AWS's words before it lets requests through, and a line that is cut and that swallows everything.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, reason = "a test fails by panicking")]

#[path = "support/gate.rs"]
mod gate;
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use chaos_proxy::{ChaosProxy, Direction};
use contract::records::{Subject, record};
use domain::PortError;
use domain::ports::{Expect, SigningKeys as _, Written};
use infra_aws::CALL_LIMIT;
use infra_aws::{Aws, KmsSigningKeys, Table, dynamodb_stores, secrets};

use gate::Gate;
use support::{environment, fresh_table};

/// What a call may take past its limit: the machine that runs the tests is busy.
const SLACK: Duration = Duration::from_secs(3);
/// Attempts of one call, as `environment` has it.
const ATTEMPTS: usize = 4;

fn moto() -> SocketAddr {
    let named = std::env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL is not set: run the tests by `cargo xtask test`");
    named.trim_start_matches("http://").parse().unwrap()
}

/// What is kept at moto, made by the straight way.
struct Kept {
    table: Table,
    secret: String,
    key: String,
}

impl Kept {
    async fn new() -> Self {
        let environment = environment().await;
        let table = fresh_table(&environment).await;
        dynamodb_stores(&environment, &table).statuses.put("k", &record("before"), Expect::Absent).await.unwrap();
        let (secrets, kms) = (aws_sdk_secretsmanager::Client::new(&environment), aws_sdk_kms::Client::new(&environment));
        let secret = secrets.create_secret().name(table.name()).secret_string("hush").send().await.unwrap();
        let key = kms.create_key().key_spec(KeySpec::EccNistP256).key_usage(KeyUsageType::SignVerify).send().await.unwrap();
        Self { table, secret: secret.arn.unwrap(), key: key.key_metadata.unwrap().arn.unwrap() }
    }

    /// The adapters by another way than the straight one.
    async fn by_way_of(&self, addr: SocketAddr) -> Adapters {
        let aws = Aws::at(format!("http://{addr}"));
        let records = dynamodb_stores(aws.config().await, &self.table).statuses;
        let keys = KmsSigningKeys::new(aws.clone(), &format!("awskms://{}", self.key).parse().unwrap());
        Adapters { records, keys, secret: self.secret.clone(), aws }
    }

    async fn records(&self) -> Subject {
        dynamodb_stores(&environment().await, &self.table).statuses
    }
}

struct Adapters {
    records: Subject,
    keys: KmsSigningKeys,
    secret: String,
    aws: Aws,
}

/// One call of each kind, by its name.
const CALLS: [&str; 8] = ["get", "put", "put if", "put of parts", "list", "delete", "sign", "secret"];

impl Adapters {
    async fn call(&self, name: &str) -> Result<(), PortError> {
        let (records, now) = (&self.records, record("now"));
        match name {
            "get" => records.get("k").await.map(drop),
            "put" => records.put("other", &now, Expect::Anything).await.map(drop),
            "put if" => records.put("new", &now, Expect::Absent).await.map(drop),
            "put of parts" => records.put("large", &record("x".repeat(1_000_000)), Expect::Anything).await.map(drop),
            "list" => records.list("", None, 9).await.map(drop),
            "delete" => records.delete("other", Expect::Anything).await.map(drop),
            "sign" => {
                let kid = self.keys.current().await?.kid;
                self.keys.sign(&kid, b"message").await.map(drop)
            }
            "secret" => secrets::read(&self.aws, &self.secret).await.map(drop),
            _ => panic!("no call `{name}`"),
        }
    }

    /// The failure of each kind of call, all at once, each within its limit.
    async fn failures(&self) -> Vec<(&'static str, PortError)> {
        let calls = CALLS.map(async |name| {
            let began = Instant::now();
            let failure = self.call(name).await.expect_err(name);
            assert!(began.elapsed() < CALL_LIMIT + SLACK, "{name}: {:?}", began.elapsed());
            (name, failure)
        });
        futures_util::future::join_all(calls).await
    }

    async fn assert_works(&self) {
        for name in CALLS {
            self.call(name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        }
        assert_eq!(self.records.get("k").await.unwrap().unwrap().value, record("before"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_throttled_once_asks_again_and_nobody_notices() {
    let kept = Kept::new().await;
    let gate = Gate::before(moto()).await;
    let adapters = kept.by_way_of(gate.addr).await;
    for (name, code) in CALLS.iter().zip(["ThrottlingException", "ProvisionedThroughputExceededException"].iter().cycle()) {
        // Nothing tells whose a delete was, so a delete is sent once and its caller asks again.
        if *name == "delete" {
            continue;
        }
        gate.answer(1, 400, code);
        adapters.call(name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert_eq!(gate.left(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_throttled_is_told_so_after_four_attempts() {
    let kept = Kept::new().await;
    let gate = Gate::before(moto()).await;
    let adapters = kept.by_way_of(gate.addr).await;
    for name in CALLS {
        gate.answer(100, 400, "ThrottlingException");
        let failure = adapters.call(name).await.unwrap_err();
        assert!(failure.is_retryable() && failure.to_string().contains("ThrottlingException"), "{name}: {failure}");
        assert_eq!(100 - gate.left(), if name == "delete" { 1 } else { ATTEMPTS }, "{name}");
    }
    gate.answer(0, 200, "");
    adapters.assert_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_our_role_may_not_do_is_asked_once_and_says_what_to_grant() {
    let kept = Kept::new().await;
    let gate = Gate::before(moto()).await;
    let adapters = kept.by_way_of(gate.addr).await;
    for name in CALLS {
        gate.answer(100, 400, "AccessDeniedException");
        let failure = adapters.call(name).await.unwrap_err();
        assert!(!failure.is_retryable() && failure.to_string().contains("grant "), "{name}: {failure}");
        assert_eq!(gate.left(), 99, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_fails_inside_is_asked_again() {
    let kept = Kept::new().await;
    let gate = Gate::before(moto()).await;
    let adapters = kept.by_way_of(gate.addr).await;
    for name in CALLS.into_iter().filter(|name| *name != "delete") {
        gate.answer(2, 500, "InternalServerError");
        adapters.call(name).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_is_cut_every_call_fails_for_now_and_works_later() {
    let kept = Kept::new().await;
    let line = ChaosProxy::to(moto()).unwrap();
    let adapters = kept.by_way_of(line.addr()).await;
    line.cut();
    for (name, failure) in adapters.failures().await {
        assert!(failure.is_retryable(), "{name}: {failure}");
    }
    line.restore();
    adapters.assert_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_swallows_everything_every_call_fails_in_time_and_works_later() {
    let kept = Kept::new().await;
    let line = ChaosProxy::to(moto()).unwrap();
    let adapters = kept.by_way_of(line.addr()).await;
    line.black_hole();
    for (name, failure) in adapters.failures().await {
        assert!(failure.is_retryable(), "{name}: {failure}");
    }
    line.restore();
    adapters.assert_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_off_is_asked_for_again() {
    let kept = Kept::new().await;
    let line = ChaosProxy::to(moto()).unwrap();
    let adapters = kept.by_way_of(line.addr()).await;
    for name in CALLS.into_iter().filter(|name| *name != "delete") {
        // Connections that are kept would not be cut.
        line.cut();
        line.restore();
        line.cut_after(Direction::Down, Some(40));
        let mend = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            line.cut_after(Direction::Down, None);
        };
        let (called, ()) = tokio::join!(adapters.call(name), mend);
        called.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_known_for_ones_own() {
    let kept = Kept::new().await;
    let line = ChaosProxy::to(moto()).unwrap();
    let far = kept.by_way_of(line.addr()).await.records;
    let near = kept.records().await;
    let mut expect = Expect::Absent;
    for text in ["new".to_owned(), "changed".to_owned(), "x".repeat(1_000_000)] {
        line.delay_one_way(Direction::Down, Duration::from_secs(60));
        let value = record(text);
        let mend = async {
            // An attempt takes 3 s; the write itself took milliseconds.
            tokio::time::sleep(Duration::from_millis(2500)).await;
            line.delay_one_way(Direction::Down, Duration::ZERO);
        };
        let (written, ()) = tokio::join!(far.put("mine", &value, expect), mend);
        let found = near.get("mine").await.unwrap().unwrap();
        assert!(found.value == value && written.unwrap() == Written::Stored(found.version), "{expect:?}");
        expect = Expect::Version(found.version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_a_failure_that_passes() {
    let kept = Kept::new().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (name, failure) in kept.by_way_of(closed).await.failures().await {
        assert!(failure.is_retryable(), "{name}: {failure}");
    }
}
