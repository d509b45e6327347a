//! Keys and values that are unusual.

use domain::ports::Expect;

use super::{Subject, assert_holds, fill, stored};

/// Each means something to some store: a folder, an escape, a reserved name, an order other than that of bytes.
pub(super) const UNUSUAL: &[&str] = &[
    "",
    " ",
    ".",
    "..",
    "...",
    "/",
    "//",
    "./",
    "/.",
    ".0",
    ".1",
    "..0",
    "0",
    "00",
    "-",
    "_",
    "__",
    "__x__",
    "__id7__",
    "%",
    "%2F",
    "%2f",
    "~",
    "~1",
    "\\",
    "\"",
    "'",
    "`",
    "#",
    "?",
    "*",
    "[",
    "a",
    "A",
    "a.",
    "a.b",
    "a-b",
    "a/",
    "a/b",
    "a//b",
    "a0",
    "ab",
    "é",
    "e\u{301}",
    "ß",
    "日本",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "😀",
    "projects/p/locations/l",
    "projects/p/locations/l.1",
];

/// None is another, and none is refused.
pub async fn unusual_keys_are_each_their_own(records: Subject) {
    fill(&records, UNUSUAL.iter().copied()).await;
    for key in UNUSUAL {
        assert_holds(&records, key, key).await;
    }
    for (i, key) in UNUSUAL.iter().enumerate() {
        records.delete(key, Expect::Anything).await.unwrap();
        assert_eq!(records.get(key).await.unwrap(), None, "{key}");
        if let Some(next) = UNUSUAL.get(i + 1) {
            assert_holds(&records, next, next).await;
        }
    }
}

/// Twice what the longest name of a device takes.
pub async fn a_long_key_is_kept(records: Subject) {
    let (a, b) = ("k/".repeat(450), "k/".repeat(450) + "x");
    fill(&records, [&*a, &*b]).await;
    assert_holds(&records, &a, &a).await;
    let page = records.list(&a, None, 9).await.unwrap();
    assert_eq!(page.items.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&a, &b]);
}

/// What ten full configurations take.
pub async fn a_large_record_is_kept_whole_and_listed(records: Subject) {
    let large = |c: char| c.to_string().repeat(900_000);
    for i in 0..6 {
        stored(&records, &format!("large/{i}"), large('a'), Expect::Absent).await;
    }
    let first = records.get("large/0").await.unwrap().unwrap();
    stored(&records, "large/0", large('b'), Expect::Version(first.version)).await;
    assert_holds(&records, "large/0", &large('b')).await;
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = records.list("large/", after.as_deref(), 100).await.unwrap();
        assert!(page.items.iter().all(|(_, found)| super::text(&found.value).len() == 900_000));
        seen.extend(page.items.into_iter().map(|(key, _)| key));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(seen, (0..6).map(|i| format!("large/{i}")).collect::<Vec<_>>());
}

/// Control characters, quotes, every plane.
pub async fn a_text_of_any_characters_comes_back(records: Subject) {
    let texts = ["", "\0", "\n\r\t", "\"\\/", "\u{7f}\u{80}\u{ffff}😀\u{10ffff}", "{\"json\": null}"];
    for text in texts {
        stored(&records, "k", text, Expect::Anything).await;
        assert_holds(&records, "k", text).await;
    }
}
