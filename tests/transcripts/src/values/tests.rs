use super::*;

/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400;

fn values(declared: &[(&str, &str)]) -> Values {
    let declared: Vec<_> = declared.iter().map(|(name, value)| Declared::parse(name, value).unwrap()).collect();
    Values::new(&declared, BTreeMap::from([("admin".into(), "secret".into())]), NOW).unwrap()
}

#[test]
fn a_value_is_bound_where_it_first_appears_and_has_to_be_the_same_after() {
    let mut values = values(&[("id", "number after \"numId\":\"")]);
    assert!(values.fill("GET /{{id}}").is_err());
    assert_eq!(values.name(r#"{"name":"d/123","numId":"123"}"#, NOW).unwrap(), r#"{"name":"d/{{id}}","numId":"{{id}}"}"#);
    assert_eq!(values.fill("GET /{{id}} {{admin}}").unwrap(), "GET /123 secret");
    assert_eq!(values.name(r#"{"numId":"124"}"#, NOW).unwrap(), r#"{"numId":"124"}"#);
}

#[test]
fn two_of_the_same_place_are_bound_one_after_the_other() {
    let mut values = values(&[("one", "number after \"id\":"), ("two", "number after \"id\":")]);
    assert_eq!(values.name(r#"{"id":7}"#, NOW).unwrap(), r#"{"id":{{one}}}"#);
    assert_eq!(values.missing(), ["two"]);
    assert_eq!(values.name(r#"{"id":8}"#, NOW).unwrap(), r#"{"id":{{two}}}"#);
    assert!(values.missing().is_empty());
}

#[test]
fn where_two_have_one_value_the_place_says_which_it_is() {
    let mut values = values(&[("a", "number after a:"), ("b", "number after b:")]);
    assert_eq!(values.name("a:5 b:5", NOW).unwrap(), "a:{{a}} b:{{b}}");
}

#[test]
fn a_time_is_of_this_run() {
    let time = |text: &str, kind: &str| values(&[("t", &format!("{kind} after at:"))]).name(text, NOW);
    assert_eq!(time("at:2026-11-21T12:00:01.5Z.", "now").unwrap(), "at:{{t}}.");
    assert!(time("at:2026-11-21T12:01:00Z", "now").unwrap_err().to_string().contains("not within"));
    assert_eq!(time("at:Sat, 21 Nov 2026 12:00:01 GMT\n", "date").unwrap(), "at:{{t}}\n");
    assert!(time("at:Sat, 21 Nov 2026 12:01:00 GMT\n", "date").is_err());
    assert_eq!(time("at:2026-11-21T12:01:00Z", "now+60").unwrap(), "at:{{t}}");
}

#[test]
fn what_is_no_declaration_is_refused() {
    for bad in ["number", "colour after x", "now+x after y"] {
        assert!(Declared::parse("n", bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_checked_may_differ_each_time_and_is_right_each_time() {
    let mut values = values(&[("t", "clock after at "), ("left", "about 60 after in ")]);
    let reply = "at 2026-11-21T12:00:00Z, at 2026-11-21T12:00:01Z, in 59, in fact";
    assert_eq!(values.name(reply, NOW).unwrap(), "at {{t}}, at {{t}}, in {{left}}, in fact");
    assert!(values.name("at 2026-11-21T12:00:05Z", NOW).is_err() && values.name("in 63", NOW).is_err());
    assert!(values.missing().is_empty());
}

#[test]
fn a_value_may_stand_behind_several_texts() {
    let mut values = values(&[("tag", "word after \"etag\":\" or etag: \""), ("generation", "number after generation: ")]);
    assert_eq!(values.name("\"etag\":\"7\" generation: 7", NOW).unwrap(), "\"etag\":\"{{tag}}\" generation: {{generation}}");
    assert_eq!(values.name("etag: \"7\", generation: 7", NOW).unwrap(), "etag: \"{{tag}}\", generation: {{generation}}");
    assert_eq!(values.fill("{{base64 tag}} {{admin}}").unwrap(), "Nw== secret");
}
