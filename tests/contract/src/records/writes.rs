//! What a write expects, versions, deletes.

use domain::ports::{Expect, Versioned, Written};

use super::{Subject, assert_conflict, assert_holds, record, stored};

/// Reads what the last write left.
pub async fn a_record_is_read_as_it_was_written_until_it_is_deleted(records: Subject) {
    assert_eq!(records.get("k").await.unwrap(), None);
    let version = stored(&records, "k", "one", Expect::Absent).await;
    assert_eq!(records.get("k").await.unwrap(), Some(Versioned { value: record("one"), version }));
    let version = stored(&records, "k", "two", Expect::Version(version)).await;
    assert_eq!(records.get("k").await.unwrap(), Some(Versioned { value: record("two"), version }));
    assert_eq!(records.get("kk").await.unwrap(), None);
    assert_eq!(records.delete("k", Expect::Version(version)).await.unwrap(), Written::Stored(0));
    assert_eq!(records.get("k").await.unwrap(), None);
}

/// `Absent` on what is there.
pub async fn a_put_that_expects_none_is_a_conflict_where_one_is(records: Subject) {
    let version = stored(&records, "k", "first", Expect::Absent).await;
    assert_conflict(&records, "k", Expect::Absent).await;
    assert_eq!(records.get("k").await.unwrap(), Some(Versioned { value: record("first"), version }), "nothing was written");
    records.delete("k", Expect::Anything).await.unwrap();
    stored(&records, "k", "again", Expect::Absent).await;
}

/// `Version` on an older one, on what is not there, and of what never was.
pub async fn a_put_that_expects_a_version_is_a_conflict_at_any_other(records: Subject) {
    let first = stored(&records, "k", "first", Expect::Absent).await;
    assert_conflict(&records, "absent", Expect::Version(first)).await;
    assert_eq!(records.get("absent").await.unwrap(), None, "nothing was written");
    let second = stored(&records, "k", "second", Expect::Version(first)).await;
    for other in [first, 0, 1, second + 1, u64::MAX] {
        assert_conflict(&records, "k", Expect::Version(other)).await;
    }
    assert_eq!(records.get("k").await.unwrap(), Some(Versioned { value: record("second"), version: second }));
    records.delete("k", Expect::Anything).await.unwrap();
    assert_conflict(&records, "k", Expect::Version(second)).await;
    stored(&records, "k", "third", Expect::Absent).await;
    assert_conflict(&records, "k", Expect::Version(second)).await;
}

/// `Anything`, with and without a record.
pub async fn a_put_that_expects_nothing_always_writes(records: Subject) {
    let first = stored(&records, "k", "first", Expect::Anything).await;
    let second = stored(&records, "k", "second", Expect::Anything).await;
    assert_holds(&records, "k", "second").await;
    assert_conflict(&records, "k", Expect::Version(first)).await;
    stored(&records, "k", "third", Expect::Version(second)).await;
}

/// What a lost update would come through.
pub async fn a_version_never_comes_twice_not_even_for_the_same_value_or_after_a_delete(records: Subject) {
    let mut versions = Vec::new();
    for _ in 0..10 {
        let first = stored(&records, "k", "same", Expect::Absent).await;
        let second = stored(&records, "k", "same", Expect::Version(first)).await;
        let third = stored(&records, "k", "same", Expect::Anything).await;
        versions.extend([first, second, third]);
        records.delete("k", Expect::Version(third)).await.unwrap();
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 30);
}

/// Each expectation, with and without a record.
pub async fn a_delete_is_a_conflict_where_the_record_is_not_as_expected(records: Subject) {
    let first = stored(&records, "k", "first", Expect::Absent).await;
    let second = stored(&records, "k", "second", Expect::Version(first)).await;
    for other in [Expect::Absent, Expect::Version(first), Expect::Version(0), Expect::Version(u64::MAX)] {
        assert_eq!(records.delete("k", other).await.unwrap(), Written::Conflict, "{other:?}");
        assert_holds(&records, "k", "second").await;
    }
    assert_eq!(records.delete("k", Expect::Version(second)).await.unwrap(), Written::Stored(0));
    assert_eq!(records.delete("k", Expect::Version(second)).await.unwrap(), Written::Conflict);
    assert_eq!(records.delete("k", Expect::Absent).await.unwrap(), Written::Stored(0));
    assert_eq!(records.delete("k", Expect::Anything).await.unwrap(), Written::Stored(0));
    stored(&records, "k", "third", Expect::Absent).await;
    assert_eq!(records.delete("k", Expect::Anything).await.unwrap(), Written::Stored(0));
    assert_eq!(records.get("k").await.unwrap(), None);
}
