//! Objects in a Cloud Storage that throttles, refuses or says nothing.

use std::time::{Duration, Instant};

use chaos_proxy::ChaosProxy;
use contract::objects::{collect, content, upload};
use domain::PortError;
use domain::objects::ObjectName;
use domain::ports::ObjectStore as _;
use infra_gcp::objects::STALL_LIMIT;
use infra_gcp::{CloudObjects, Endpoint};

use crate::emulator;
use crate::refusing::{Refusing, With};

const SLACK: Duration = Duration::from_secs(10);

fn name() -> ObjectName {
    ObjectName::try_new("faults", "a/b").unwrap()
}

/// The failure of each kind of call, all at once.
async fn failures(objects: &CloudObjects) -> [PortError; 3] {
    let (name, bytes, began) = (name(), content(1000, 1), Instant::now());
    let (stat, read, write) =
        tokio::join!(objects.stat(&name), collect(objects, &name, 1, 0..9), objects.write(&name, upload(&bytes, None), None));
    assert!(began.elapsed() < STALL_LIMIT + SLACK, "{:?}", began.elapsed());
    [stat.unwrap_err(), read.unwrap_err(), write.unwrap_err()]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_throttled_is_told_so_in_time() {
    let service = Refusing::all(With::Http(429)).await;
    let objects = CloudObjects::new(Endpoint::Emulator(service.addr.to_string()));
    for failure in failures(&objects).await {
        assert!(failure.is_retryable() && failure.to_string().contains("a/b"), "{failure}");
    }
    assert!(service.asked() > 3, "{} requests", service.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_may_not_do_is_asked_once_and_says_what_to_grant() {
    let service = Refusing::all(With::Http(403)).await;
    let objects = CloudObjects::new(Endpoint::Emulator(service.addr.to_string()));
    for failure in failures(&objects).await {
        assert!(!failure.is_retryable() && failure.to_string().contains("grant roles/storage.object"), "{failure}");
    }
    assert_eq!(service.asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_swallows_everything_every_call_fails_in_time() {
    let line = ChaosProxy::to(emulator("STORAGE_EMULATOR_HOST")).unwrap();
    let objects = CloudObjects::new(Endpoint::Emulator(line.addr().to_string()));
    line.black_hole();
    for failure in failures(&objects).await {
        assert!(failure.is_retryable(), "{failure}");
    }
    line.restore();
    assert_eq!(objects.stat(&name()).await.unwrap(), None);
}
