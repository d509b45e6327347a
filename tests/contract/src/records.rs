//! What every [`Records`] does, case by case. [`records_suite!`](crate::records_suite) makes a test of each for an adapter.
//!
//! | file | holds |
//! | --- | --- |
//! | `writes` | what a write expects, versions, deletes |
//! | `listings` | order, prefixes, pages |
//! | `keys` | keys and values that are unusual |
//! | `contention` | many at once |

mod contention;
mod keys;
mod listings;
mod writes;

use std::sync::Arc;

use domain::ports::{Expect, Records, Written};
use domain::status::{DeviceStatus, ErrorStatus};

pub use contention::*;
pub use keys::*;
pub use listings::*;
pub use writes::*;

/// Records of one kind, empty.
pub type Subject = Arc<dyn Records<DeviceStatus>>;

/// One test for each case of the contract. `$make` is an `async fn` that answers empty [`Subject`]s of the adapter, and a
/// value that keeps alive what they stand on.
#[macro_export]
macro_rules! records_suite {
    ($make:path) => {
        $crate::records_suite! { $make:
            a_record_is_read_as_it_was_written_until_it_is_deleted
            a_put_that_expects_none_is_a_conflict_where_one_is
            a_put_that_expects_a_version_is_a_conflict_at_any_other
            a_put_that_expects_nothing_always_writes
            a_version_never_comes_twice_not_even_for_the_same_value_or_after_a_delete
            a_delete_is_a_conflict_where_the_record_is_not_as_expected
            a_listing_has_the_keys_of_its_prefix_in_order
            a_listing_goes_on_after_a_key_whether_that_is_there_or_not
            a_page_has_no_more_than_its_limit_and_the_last_says_so
            pages_neither_skip_nor_repeat_a_key_while_others_come_and_go
            unusual_keys_are_each_their_own
            a_long_key_is_kept
            a_large_record_is_kept_whole_and_listed
            a_text_of_any_characters_comes_back
            writers_who_try_again_lose_no_update
            of_those_who_create_one_record_one_does
            of_those_who_replace_one_version_by_the_same_one_does
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let (subject, _alive) = $make().await;
                $crate::records::$case(subject).await;
            }
        )*
    };
}

/// A record that is told from others by `text`.
pub fn record(text: impl Into<String>) -> DeviceStatus {
    DeviceStatus { last_error: Some(ErrorStatus { code: 7, message: text.into() }), ..DeviceStatus::default() }
}

/// The text of a record that [`record`] made.
pub fn text(record: &DeviceStatus) -> &str {
    &record.last_error.as_ref().unwrap().message
}

/// Writes, and answers the version.
async fn stored(records: &Subject, key: &str, text: impl Into<String>, expect: Expect) -> u64 {
    match records.put(key, &record(text), expect).await.unwrap() {
        Written::Stored(version) => version,
        Written::Conflict => panic!("a put of `{key}` that expects {expect:?} is a conflict"),
    }
}

async fn assert_conflict(records: &Subject, key: &str, expect: Expect) {
    assert_eq!(records.put(key, &record("conflict"), expect).await.unwrap(), Written::Conflict, "{key} {expect:?}");
}

async fn assert_holds(records: &Subject, key: &str, expected: &str) {
    assert_eq!(text(&records.get(key).await.unwrap().unwrap().value), expected, "{key}");
}

async fn fill<'a>(records: &Subject, keys: impl IntoIterator<Item = &'a str>) {
    for key in keys {
        stored(records, key, key, Expect::Absent).await;
    }
}
