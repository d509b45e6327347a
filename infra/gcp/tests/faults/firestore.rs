//! Records in a Firestore that throttles or refuses.

use std::time::{Duration, Instant};

use chaos_proxy::ChaosProxy;
use contract::records::{Subject, record};
use domain::PortError;
use domain::ports::Expect;
use infra_gcp::firestore::CALL_LIMIT;
use infra_gcp::{Database, Endpoint, firestore_stores};

use crate::emulator;
use crate::refusing::{DENIED, Refusing, THROTTLED};

async fn records(address: String) -> Subject {
    let project = format!("refused-{}", std::process::id());
    let database = Database::new(project.parse().unwrap(), "(default)", Endpoint::Emulator(address)).unwrap();
    firestore_stores(&database).await.unwrap().statuses
}

async fn failures(records: &Subject) -> [PortError; 4] {
    let (value, began) = (record("x"), Instant::now());
    let (get, put, delete, list) = tokio::join!(
        records.get("k"),
        records.put("k", &value, Expect::Absent),
        records.delete("k", Expect::Version(1)),
        records.list("", None, 9),
    );
    assert!(began.elapsed() < CALL_LIMIT, "{:?}", began.elapsed());
    [get.unwrap_err(), put.unwrap_err(), delete.unwrap_err(), list.unwrap_err()]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_throttled_is_told_so_after_four_attempts() {
    let service = Refusing::all(THROTTLED).await;
    for failure in failures(&records(service.addr.to_string()).await).await {
        assert!(failure.is_retryable() && failure.to_string().contains("ResourceExhausted"), "{failure}");
    }
    assert_eq!(service.asked(), 4 * 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_may_not_do_is_asked_once_and_says_what_to_grant() {
    let service = Refusing::all(DENIED).await;
    for failure in failures(&records(service.addr.to_string()).await).await {
        assert!(!failure.is_retryable() && failure.to_string().contains("grant roles/datastore.user"), "{failure}");
    }
    assert_eq!(service.asked(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_throttled_for_a_moment_asks_again_and_nobody_notices() {
    let service = Refusing::all(THROTTLED).await;
    let line = ChaosProxy::to(service.addr).unwrap();
    let records = records(line.addr().to_string()).await;
    let passes = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        line.retarget(emulator("FIRESTORE_EMULATOR_HOST")).unwrap();
        line.cut();
        line.restore();
    };
    let (found, ()) = tokio::join!(records.get("nobody"), passes);
    assert_eq!(found.unwrap(), None);
    assert!(service.asked() > 0);
}
