//! Many at once.

use domain::ports::{Expect, Written};
use tokio::task::JoinSet;

use super::{Subject, record, stored, text};

/// Writers at once.
const WRITERS: usize = 64;

/// Each adds one to a counter, and reads again after a conflict.
pub async fn writers_who_try_again_lose_no_update(records: Subject) {
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let records = records.clone();
        writers.spawn(async move {
            loop {
                let found = records.get("counter").await.unwrap();
                let expect = found.as_ref().map_or(Expect::Absent, |f| Expect::Version(f.version));
                let count: u32 = found.map_or(0, |f| text(&f.value).parse().unwrap());
                if let Written::Stored(version) = records.put("counter", &record((count + 1).to_string()), expect).await.unwrap() {
                    return version;
                }
            }
        });
    }
    let mut versions = writers.join_all().await;
    let last = records.get("counter").await.unwrap().unwrap();
    assert_eq!(text(&last.value), WRITERS.to_string());
    assert!(versions.contains(&last.version));
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), WRITERS, "each write had a version of its own");
}

/// The answers of many who make the same conditional write at once.
async fn at_once(records: &Subject, expect: Expect, text: impl Fn(usize) -> String) -> Vec<(usize, u64)> {
    let mut writers = JoinSet::new();
    for i in 0..WRITERS {
        let (records, value) = (records.clone(), record(text(i)));
        writers.spawn(async move { (i, records.put("k", &value, expect).await.unwrap()) });
    }
    let won = |(i, written)| if let Written::Stored(version) = written { Some((i, version)) } else { None };
    writers.join_all().await.into_iter().filter_map(won).collect()
}

/// `Absent` is a lock.
pub async fn of_those_who_create_one_record_one_does(records: Subject) {
    let winners = at_once(&records, Expect::Absent, |i| i.to_string()).await;
    assert_eq!(winners.len(), 1, "{winners:?}");
    let found = records.get("k").await.unwrap().unwrap();
    assert_eq!((text(&found.value), found.version), (&*winners[0].0.to_string(), winners[0].1));
}

/// `Version` is one too, and what is written does not matter: a store must not take a write that changes nothing for none.
pub async fn of_those_who_replace_one_version_by_the_same_one_does(records: Subject) {
    let version = stored(&records, "k", "same", Expect::Absent).await;
    let winners = at_once(&records, Expect::Version(version), |_| "same".to_owned()).await;
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(records.get("k").await.unwrap().unwrap().version, winners[0].1);
}
