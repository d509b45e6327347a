//! From the intake to a bridge that misbehaves: nothing is lost, nothing changes its order, and what may come twice
//! is what the window allows.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmqtt_codec::v5::{ConnectAckReason, DisconnectReasonCode};
use support::bridge::{Act, Bridge};
use support::shim::{DEVICE, Shim};
use support::wait_until;

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// What is left when what came before is dropped.
fn first_of_each(arrived: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    arrived.iter().filter(|payload| seen.insert((*payload).clone())).cloned().collect()
}

#[test]
fn readings_arrive_once_in_order_with_their_names_and_a_healthy_run_logs_no_warning() {
    let bridge = Bridge::start([]);
    let mut shim = Shim::start(bridge.addr, "");
    shim.send(0..500);
    let (code, body) = shim.http("POST", "/v1/events/alerts/fire", "", b"500");
    assert_eq!((code, body.as_str()), (200, r#"{"boot":1,"seq":501}"#));
    assert_eq!(shim.http("POST", "/v1/state", "", b"501").0, 200);
    shim.wait_delivered(502);
    assert_eq!(bridge.arrived(), numbers(0..502));
    {
        let seen = bridge.seen();
        assert_eq!(seen.client_ids, [DEVICE]);
        assert_eq!(seen.subscribed, ["/devices/dev-1/config"]);
        let topics: Vec<_> = seen.got[499..].iter().map(|got| (got.topic.as_str(), got.reading_id.as_str())).collect();
        assert_eq!(
            topics,
            [("/devices/dev-1/events", "1-500"), ("/devices/dev-1/events/alerts/fire", "1-501"), ("/devices/dev-1/state", "1-502")]
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        assert!(seen.got.iter().all(|got| now.abs_diff(got.captured_at_ms) < 60_000), "{:?}", seen.got[0]);
    }
    assert_eq!(shim.stop(), Some(0));
    assert_eq!(bridge.seen().goodbyes, 1, "it says goodbye");
    assert!(!shim.log().contains("WARN") && !shim.log().contains("ERROR"), "{}", shim.log());
}

#[test]
fn the_window_is_ours_or_the_bridges_whichever_is_lower() {
    for (receive_max, window, expected) in [(5, 100, 5), (1_000, 7, 7)] {
        let bridge = Bridge::start([Act::Slow(receive_max, Duration::from_millis(2))]);
        let link = format!("[link]\nwindow = {window}");
        let mut shim = Shim::start(([127, 0, 0, 1], 1).into(), &link);
        shim.send(0..60);
        assert_eq!(shim.stop(), Some(0));
        shim.write_config(bridge.addr, &link);
        shim.restart();
        shim.wait_delivered(60);
        let most = bridge.seen().got.iter().map(|got| got.unacked).max();
        assert_eq!(most, Some(expected));
        assert_eq!(bridge.arrived(), numbers(0..60));
    }
}

#[test]
fn refusals_cuts_and_silence_lose_nothing_and_double_at_most_a_window() {
    let bridge = Bridge::start([
        Act::Refuse(ConnectAckReason::ServerBusy, "later".into()),
        Act::DropAfterConnack,
        Act::CutAfter(10),
        Act::AckOnly(10),
        Act::CutAfter(0),
        Act::BlackHole,
        Act::CutAfter(100),
    ]);
    let window = 20;
    let shim = Shim::start(bridge.addr, &format!("[link]\nwindow = {window}\nack_timeout_secs = 1\nconnect_timeout_secs = 1"));
    shim.send(0..300);
    shim.wait_delivered(300);
    let arrived = bridge.arrived();
    assert_eq!(first_of_each(&arrived), numbers(0..300));
    assert!(arrived.len() <= 300 + 4 * window, "{} arrivals", arrived.len());
    assert_eq!(first_of_each(&bridge.acked()), numbers(0..300));
    let acked = bridge.acked().len();
    assert_eq!(acked, 300, "what was acknowledged is not sent again");
    let status = shim.status();
    assert_eq!(status["link"]["losses"], 7, "{status}");
}

#[test]
fn a_line_that_dies_without_a_word_is_noticed_by_the_missing_pingresp() {
    let bridge = Bridge::start([Act::Silent]);
    let shim = Shim::start(bridge.addr, "[link]\nkeepalive_secs = 2");
    wait_until("it connects again", || bridge.seen().connections == 2);
    assert_eq!(bridge.seen().pings, 1);
    assert!(shim.log().contains("no PINGRESP within 1s"), "{}", shim.log());
}

#[test]
fn a_token_is_renewed_at_three_quarters_of_its_life_without_loss_or_doubles() {
    let bridge = Bridge::start([]);
    let shim = Shim::start(bridge.addr, "[link]\ntoken_life_secs = 4");
    let mut sent = 0;
    wait_until("there are three connections", || {
        shim.send(sent..sent + 50);
        sent += 50;
        bridge.seen().connections == 3
    });
    shim.wait_delivered(sent.into());
    assert_eq!(bridge.arrived(), numbers(0..sent));
    let seen = bridge.seen();
    let gaps: Vec<_> = seen.tokens.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(gaps.iter().all(|gap| (2_900..3_700).contains(&gap.as_millis())), "{gaps:?}");
    assert!(seen.tokens.iter().all(|(_, claims)| claims.exp - claims.iat == 4 && claims.aud == "p-1"));
    assert!(seen.goodbyes >= 2 && !shim.log().contains("WARN"), "{}", shim.log());
}

#[test]
fn a_clock_that_is_a_year_off_is_corrected_by_the_refusal_at_once() {
    for (server_time, year) in [("2025-11-20T12:00:00Z", 2025), ("2028-06-01T00:00:00Z", 2028)] {
        let reason =
            format!("token is issued at 1970-01-01T00:00:00Z, 9 hours ahead of the server's time {server_time}: set the device's clock");
        let bridge = Bridge::start([Act::Refuse(ConnectAckReason::NotAuthorized, reason)]);
        let shim = Shim::start(bridge.addr, "[link]\nwindow = 5");
        shim.post("x");
        shim.wait_delivered(1);
        let seen = bridge.seen();
        let of_year = |secs: i64| 1970 + secs / 31_556_952;
        assert_eq!(of_year(seen.tokens[1].1.iat), year, "the second token is made with the cloud's time");
        assert_eq!(of_year(seen.got[0].captured_at_ms as i64 / 1_000), year, "and so is the capture time");
        assert!(!shim.log().contains("WARN"), "{}", shim.log());
        drop(seen);
        assert_eq!(shim.status()["clock_learnt"], true);
    }
}

#[test]
fn who_is_not_let_in_is_told_once_and_tried_for_ever() {
    let reason = "unknown device, or no unexpired key of the device verifies the token's signature";
    let refuse = Act::Refuse(ConnectAckReason::NotAuthorized, reason.into());
    let bridge = Bridge::start(vec![refuse; 6]);
    let shim = Shim::start(bridge.addr, "");
    shim.post("x");
    shim.wait_delivered(1);
    assert_eq!(bridge.seen().connections, 7);
    assert_eq!(shim.log().matches(reason).count(), 1, "{}", shim.log());
}

#[test]
fn a_payload_that_the_cloud_never_takes_is_set_aside_and_counted_and_stops_nothing() {
    let act = Act::Poison("poison", DisconnectReasonCode::PayloadFormatInvalid);
    let bridge = Bridge::start(vec![act; 20]);
    let shim = Shim::start(bridge.addr, "[link]\nwindow = 10\nrefusals = 2");
    for payload in ["1", "2", "poison", "3", "4"] {
        shim.post(payload);
    }
    shim.wait_delivered(4);
    assert_eq!(first_of_each(&bridge.acked()), ["1", "2", "3", "4"]);
    let status = shim.status();
    assert_eq!((&status["accepted"], &status["delivered"], &status["evicted"]["refused"]), (&5.into(), &4.into(), &1.into()), "{status}");
    let aside = std::fs::read_to_string(shim.path("data/refused.jsonl")).unwrap();
    assert!(aside.contains(r#""readingId":"1-3""#), "{aside}");
}

#[test]
fn a_killed_shim_goes_on_where_it_was() {
    let bridge = Bridge::start([Act::AckOnly(30)]);
    let mut shim = Shim::start(bridge.addr, "[link]\nwindow = 50");
    shim.send(0..100);
    wait_until("some are acknowledged", || bridge.acked().len() == 30);
    shim.kill();
    shim.restart();
    let (code, body) = shim.http("POST", "/v1/events", "", b"100");
    assert_eq!((code, body.as_str()), (200, r#"{"boot":2,"seq":101}"#));
    shim.wait_delivered(101);
    assert_eq!(first_of_each(&bridge.arrived()), numbers(0..101));
    assert_eq!(first_of_each(&bridge.acked()), numbers(0..101));
}

#[test]
fn a_stop_waits_for_acknowledgements_but_not_for_ever() {
    let bridge = Bridge::start([Act::AckOnly(3)]);
    let mut shim = Shim::start(bridge.addr, "[link]\ndrain_timeout_secs = 1");
    shim.send(0..5);
    wait_until("all are sent", || bridge.arrived().len() == 5);
    // Half a request, which never ends.
    let mut stuck = std::net::TcpStream::connect(shim.address("http")).unwrap();
    std::io::Write::write_all(&mut stuck, b"POST /v1/events HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").unwrap();
    let before = std::time::Instant::now();
    assert_eq!(shim.stop(), Some(0));
    assert!(before.elapsed() < Duration::from_secs(15), "{:?}", before.elapsed());
    assert!(!shim.path("ready.json").exists() && !shim.path("data/shim.sock").exists());
    shim.restart();
    shim.wait_delivered(5);
    assert_eq!(bridge.arrived()[5..], ["3", "4"], "what was acknowledged is not sent again");
}
