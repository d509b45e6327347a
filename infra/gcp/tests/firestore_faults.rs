//! Records in the Firestore emulator over a line that is cut, slow, or swallows everything.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use chaos_proxy::{ChaosProxy, Direction};
use contract::records::{Subject, record};
use domain::PortError;
use domain::ports::{Expect, Written};
use infra_gcp::firestore::CALL_LIMIT;
use infra_gcp::{Database, Endpoint, firestore_stores};
use tokio::time::sleep;

/// What a call may take past its limit: the machine that runs the tests is busy.
const SLACK: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

fn emulator() -> String {
    std::env::var("FIRESTORE_EMULATOR_HOST").expect("FIRESTORE_EMULATOR_HOST is not set: run the tests by `cargo xtask test`")
}

/// Records of one project by way of `address`.
async fn records(project: &str, address: String) -> Subject {
    let project = format!("faults-{}-{project}", std::process::id());
    let database = Database::new(project.parse().unwrap(), "(default)", Endpoint::Emulator(address)).unwrap();
    firestore_stores(&database).await.unwrap().statuses
}

/// Records over a line, the same records over none, and the line.
async fn over_a_line(project: &str) -> (Subject, Subject, ChaosProxy) {
    let line = ChaosProxy::to(emulator().parse().unwrap()).unwrap();
    let (far, near) = (records(project, line.addr().to_string()).await, records(project, emulator()).await);
    far.put("k", &record("before"), Expect::Absent).await.unwrap();
    (far, near, line)
}

/// The failure of each kind of call, all at once.
async fn failures(records: &Subject) -> [PortError; 5] {
    let value = record("during");
    let began = Instant::now();
    let (get, put, put_if, delete, list) = tokio::join!(
        records.get("k"),
        records.put("other", &value, Expect::Anything),
        records.put("k", &value, Expect::Version(1)),
        records.delete("other", Expect::Version(1)),
        records.list("", None, 9),
    );
    let took = began.elapsed();
    assert!(took < CALL_LIMIT + SLACK, "{took:?}");
    [get.unwrap_err(), put.unwrap_err(), put_if.unwrap_err(), delete.unwrap_err(), list.unwrap_err()]
}

/// Everything works again, and what was there before still is.
async fn assert_works(records: &Subject) {
    let began = Instant::now();
    let found = records.get("k").await.unwrap().unwrap();
    assert_eq!(found.value, record("before"));
    let Written::Stored(_) = records.put("k", &record("after"), Expect::Version(found.version)).await.unwrap() else { panic!() };
    assert_eq!(records.list("k", None, 9).await.unwrap().items[0].1.value, record("after"));
    assert!(began.elapsed() < CALL_LIMIT, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_is_cut_every_call_fails_for_now_and_works_later() {
    let (records, _near, line) = over_a_line("cut").await;
    line.cut();
    for failure in failures(&records).await {
        assert!(failure.is_retryable(), "{failure}");
    }
    line.restore();
    assert_works(&records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_swallows_everything_every_call_fails_in_time_and_works_later() {
    let (records, _near, line) = over_a_line("swallowed").await;
    line.black_hole();
    for failure in failures(&records).await {
        assert!(failure.is_retryable() && failure.to_string().contains("no answer within"), "{failure}");
    }
    line.restore();
    assert_works(&records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_cut_is_not_noticed() {
    let (records, _near, line) = over_a_line("short").await;
    line.cut();
    let (found, ()) = tokio::join!(records.get("k"), async {
        sleep(Duration::from_millis(50)).await;
        line.restore();
    });
    assert_eq!(found.unwrap().unwrap().value, record("before"));
    assert_works(&records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_is_waited_for() {
    let (records, _near, line) = over_a_line("slow").await;
    line.delay(Duration::from_millis(400));
    assert_works(&records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_over_a_line_too_slow_all_fail_in_time() {
    let (records, _near, line) = over_a_line("slower").await;
    line.delay(LONG);
    let began = Instant::now();
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let records = records.clone();
            tokio::spawn(async move { records.get("k").await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().unwrap_err().is_retryable());
    }
    assert!(began.elapsed() < CALL_LIMIT + SLACK, "{:?}", began.elapsed());
    line.delay(Duration::ZERO);
    assert_works(&records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_a_failure_that_passes() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let records = records("nobody", closed.to_string()).await;
    for failure in failures(&records).await {
        assert!(failure.is_retryable(), "{failure}");
    }
}

/// Carries out `call` with its first answer lost; `meanwhile` happens before it is sent again.
async fn with_a_lost_answer<T>(line: &ChaosProxy, call: impl Future<Output = T>, meanwhile: impl Future<Output = ()>) -> T {
    line.delay_one_way(Direction::Down, LONG);
    let lost = async {
        // An attempt takes 3 s; the write itself took milliseconds.
        sleep(Duration::from_millis(1500)).await;
        meanwhile.await;
        line.delay_one_way(Direction::Down, Duration::ZERO);
    };
    tokio::join!(call, lost).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_known_for_ones_own() {
    let (records, near, line) = over_a_line("lost").await;
    let value = record("new");
    let written = with_a_lost_answer(&line, records.put("new", &value, Expect::Absent), async {}).await.unwrap();
    let found = near.get("new").await.unwrap().unwrap();
    assert_eq!((written, found.value), (Written::Stored(found.version), record("new")));
    let value = record("changed");
    let written = with_a_lost_answer(&line, records.put("new", &value, Expect::Version(found.version)), async {}).await.unwrap();
    let found = near.get("new").await.unwrap().unwrap();
    assert_eq!((written, found.value), (Written::Stored(found.version), record("changed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_and_that_was_replaced_is_a_failure_and_no_guess() {
    let (records, near, line) = over_a_line("replaced").await;
    let value = record("mine");
    let replaced = with_a_lost_answer(&line, records.put("new", &value, Expect::Absent), async {
        let mine = near.get("new").await.unwrap().unwrap();
        near.put("new", &record("theirs"), Expect::Version(mine.version)).await.unwrap();
    });
    let failure = replaced.await.unwrap_err();
    assert!(failure.is_retryable() && failure.to_string().contains("it may have been carried out"), "{failure}");
    assert_eq!(near.get("new").await.unwrap().unwrap().value, record("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_whose_answer_was_lost_is_a_failure_and_no_guess() {
    let (records, near, line) = over_a_line("deleted").await;
    let version = records.get("k").await.unwrap().unwrap().version;
    let failure = with_a_lost_answer(&line, records.delete("k", Expect::Version(version)), async {}).await.unwrap_err();
    assert!(failure.is_retryable() && failure.to_string().contains("it may have been carried out"), "{failure}");
    assert_eq!(near.get("k").await.unwrap(), None);
    assert_eq!(records.delete("k", Expect::Anything).await.unwrap(), Written::Stored(0));
}
