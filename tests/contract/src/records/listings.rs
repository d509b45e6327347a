//! Order, prefixes, pages.

use domain::ports::Expect;

use super::keys::UNUSUAL;
use super::{Subject, fill, stored};

/// All keys of a prefix, page by page.
async fn all(records: &Subject, prefix: &str, limit: usize) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = records.list(prefix, after.as_deref(), limit).await.unwrap();
        assert!(page.items.len() <= limit, "{} of at most {limit}", page.items.len());
        let last = page.items.last().map(|(key, _)| key.clone());
        seen.extend(page.items.into_iter().map(|(key, _)| key));
        match page.next {
            Some(next) => {
                // It may be a key that was deleted while the page was read.
                assert!(last.as_ref().is_none_or(|last| *last <= next), "the page after `{next}` would repeat {last:?}");
                assert!(after.as_ref().is_none_or(|after| *after < next), "a page after {after:?} ends at `{next}`");
                after = Some(next);
            }
            None => return seen,
        }
    }
}

fn sorted<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

/// Keys are in the order of their bytes, whatever is in them.
pub async fn a_listing_has_the_keys_of_its_prefix_in_order(records: Subject) {
    assert!(records.list("", None, 9).await.unwrap().items.is_empty());
    fill(&records, UNUSUAL.iter().copied()).await;
    assert_eq!(all(&records, "", 1000).await, sorted(UNUSUAL.iter().copied()));
    for prefix in UNUSUAL.iter().copied().chain(["a/b/", "zz", "projects/p/", "\u{10ffff}"]) {
        let expected = sorted(UNUSUAL.iter().copied().filter(|key| key.starts_with(prefix)));
        assert_eq!(all(&records, prefix, 7).await, expected, "prefix `{prefix}`");
    }
    let page = records.list("a/", None, 9).await.unwrap();
    for (key, found) in page.items {
        assert_eq!(records.get(&key).await.unwrap(), Some(found), "{key}");
    }
}

/// `after` is a place in the order, not a record.
pub async fn a_listing_goes_on_after_a_key_whether_that_is_there_or_not(records: Subject) {
    let keys: Vec<String> = (0..20).map(|i| format!("d/{i:02}")).collect();
    fill(&records, keys.iter().map(String::as_str)).await;
    fill(&records, ["c/9", "e/0"]).await;
    let after = async |after: &str| {
        let page = records.list("d/", Some(after), 100).await.unwrap();
        assert_eq!(page.next, None);
        page.items.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(after("d/07").await, keys[8..]);
    assert_eq!(after("d/07x").await, keys[8..]);
    assert_eq!(after("d/").await, keys, "the prefix itself is no key");
    assert_eq!(after("c/9").await, keys, "before all of them");
    assert_eq!(after("").await, keys);
    assert!(after("d/19").await.is_empty());
    assert!(after("d/99").await.is_empty());
    assert!(after("e/0").await.is_empty(), "past all of them");
    records.delete("d/08", Expect::Anything).await.unwrap();
    assert_eq!(after("d/07").await, keys[9..]);
}

/// Every limit gives the same keys.
pub async fn a_page_has_no_more_than_its_limit_and_the_last_says_so(records: Subject) {
    let keys: Vec<String> = (0..25).map(|i| format!("list/{i:02}")).collect();
    fill(&records, keys.iter().map(String::as_str)).await;
    fill(&records, ["lisu"]).await;
    for limit in [1, 5, 10, 24, 25, 26, 1000] {
        assert_eq!(all(&records, "list/", limit).await, keys, "limit {limit}");
    }
    let page = records.list("list/", None, 25).await.unwrap();
    assert_eq!((page.items.len(), page.next), (25, None), "a page that has all of them is the last");
    let none = records.list("list/", None, 0).await.unwrap();
    assert_eq!((none.items.len(), none.next), (0, None));
}

/// What stays during a listing is in it once; what comes or goes may be or not.
pub async fn pages_neither_skip_nor_repeat_a_key_while_others_come_and_go(records: Subject) {
    let stay: Vec<String> = (0..60).map(|i| format!("p/{i:02}")).collect();
    fill(&records, stay.iter().map(String::as_str)).await;
    let others = {
        let records = records.clone();
        tokio::spawn(async move {
            for i in 0..60 {
                stored(&records, &format!("p/{i:02}-come"), "new", Expect::Absent).await;
                if i % 2 == 0 {
                    records.delete(&format!("p/{i:02}-come"), Expect::Anything).await.unwrap();
                }
            }
        })
    };
    let mut rounds = 0;
    while !others.is_finished() || rounds == 0 {
        let seen = all(&records, "p/", 7).await;
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice: {seen:?}");
        assert!(stay.iter().all(|key| seen.contains(key)), "none is skipped: {seen:?}");
        rounds += 1;
    }
    others.await.unwrap();
    assert_eq!(all(&records, "p/", 7).await.len(), 90);
}
