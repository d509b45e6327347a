//! docs/errors.md names the reason codes of MQTT 5 that this crate answers with, each with its number.

use std::collections::BTreeSet;

use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode};

const PAGE: &str = include_str!("../../../docs/errors.md");
const CONNACK: &str = include_str!("connack.rs");
const DISCONNECT: &str = include_str!("ending.rs");

/// Numbers with their names, as in `0x8E Session taken over`; the name as one word, `SessionTakenOver`.
fn documented() -> BTreeSet<(u8, String)> {
    let named = PAGE.split("0x").skip(1).filter_map(|rest| {
        let (number, name) = rest.split_at_checked(2)?;
        let words = name.split(['|', ',']).next()?.split_whitespace();
        let name: String = words.map(|word| word[..1].to_uppercase() + &word[1..].to_lowercase()).collect();
        Some((u8::from_str_radix(number, 16).ok()?, name))
    });
    // Elsewhere a number may stand alone.
    named.filter(|(_, name)| !name.is_empty()).collect()
}

/// The names that a source uses behind `path`.
fn used<'a>(source: &'a str, path: &str) -> BTreeSet<&'a str> {
    let ends = |c: char| !c.is_ascii_alphanumeric();
    source.split(path).skip(1).filter_map(|rest| rest.split(ends).next()).collect()
}

#[test]
fn every_reason_code_stands_in_the_document_by_its_number_and_name() {
    let documented = documented();
    let named: BTreeSet<_> = documented.iter().map(|(_, name)| name.as_str()).collect();
    let used: BTreeSet<_> = used(CONNACK, "Code5::").union(&used(DISCONNECT, "Code::")).copied().collect();
    assert_eq!(named, used, "docs/errors.md on the left, the code on the right");
    for (number, name) in &documented {
        let at_connect = ConnectAckReason::try_from(*number).map(|code| format!("{code:?}"));
        let at_end = DisconnectReasonCode::try_from(*number).map(|code| format!("{code:?}"));
        assert!([at_connect, at_end].iter().flatten().any(|known| known == name), "{number:#04X} is not {name}");
    }
}
