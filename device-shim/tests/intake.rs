//! Every intake answers only when a reading is durable, and says in one sentence why it does not take one.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{DisconnectReasonCode, PublishAckReason};
use rmqtt_codec::{v3, v5};
use support::bridge::Bridge;
use support::client::{Client, id};
use support::shim::{Shim, run};
use support::wait_until;

/// Nobody listens there: what is taken stays held.
fn nowhere() -> SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

const EVENTS: &str = "/devices/dev-1/events";

#[test]
fn a_reading_whose_acknowledgement_came_is_there_after_kill_9() {
    let mut shim = Shim::start(nowhere(), "");
    let (mut v3, mut v5) = (Client::v3(shim.address("mqtt")), Client::v5(shim.address("mqtt")));
    for n in 1..=40 {
        v3.publish(EVENTS, format!("three-{n}").as_bytes(), QoS::AtLeastOnce, n);
        v5.publish("/devices/dev-1/state", format!("five-{n}").as_bytes(), QoS::AtLeastOnce, n);
    }
    for n in 1..=40 {
        assert_eq!(v3.hear_v3(), Some(v3::Packet::PublishAck { packet_id: id(n) }));
        assert!(
            matches!(v5.hear_v5(), Some(v5::Packet::PublishAck(ack)) if ack.packet_id == id(n) && ack.reason_code == PublishAckReason::Success)
        );
    }
    shim.post("over-http");
    shim.send(0..10);
    shim.kill();
    let bridge = Bridge::start([]);
    shim.write_config(bridge.addr, "");
    shim.restart();
    assert_eq!(shim.status()["boot"], 2);
    shim.wait_delivered(91);
    let arrived = bridge.arrived();
    let of = |prefix: &str| arrived.iter().filter(|payload| payload.starts_with(prefix)).cloned().collect::<Vec<_>>();
    let expected = |prefix: &str| (1..=40).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    assert_eq!((of("three-"), of("five-")), (expected("three-"), expected("five-")));
    assert_eq!(arrived[80], "over-http");
}

#[test]
fn qos_0_is_kept_too_and_user_properties_travel_with_the_reading() {
    let bridge = Bridge::start([]);
    let shim = Shim::start(bridge.addr, "");
    let mut client = Client::v3(shim.address("mqtt"));
    client.publish("/devices/dev-1/events/a1/b2", b"zero", QoS::AtMostOnce, 0);
    shim.wait_delivered(1);
    let mut client = Client::v5(shim.address("mqtt"));
    let properties = [("unit", "C"), ("readingId", "forged")].map(|(key, value)| (key.into(), value.into()));
    client.publish_with(EVENTS, b"21.5", QoS::AtLeastOnce, 1, properties.to_vec());
    shim.wait_delivered(2);
    let seen = bridge.seen();
    assert_eq!(seen.got[0].topic, "/devices/dev-1/events/a1/b2");
    assert_eq!((seen.got[1].reading_id.as_str(), seen.got[1].unit.as_str()), ("1-2", "C"));
}

#[test]
fn http_refuses_in_one_sentence_with_the_value_and_the_limit() {
    let shim = Shim::start(nowhere(), "");
    let large = vec![b'x'; 256 * 1024 + 1];
    let huge = vec![b'x'; 512 * 1024];
    let state = &large[..64 * 1024 + 1];
    for (method, path, headers, body, code, text) in [
        ("POST", "/v1/events", "", &large[..], 413, "an event of 262145 bytes exceeds the limit of 262144 bytes"),
        ("POST", "/v1/events", "", &huge[..], 413, "the body exceeds 365909 bytes; an event may have 262144 bytes"),
        ("POST", "/v1/state", "", state, 413, "a state of 65537 bytes exceeds the limit of 65536 bytes"),
        ("POST", "/v1/events/1st", "", b"x", 400, "subfolder `1st` is not valid: each level must start with a letter"),
        ("POST", "/v1/nothing", "", b"x", 404, "`/v1/nothing` is not served here: use /v1/events"),
        ("POST", "/v1/events", "origin: http://evil.example\r\n", b"x", 403, "requests from web pages are not taken"),
        ("GET", "/v1/config", "", b"", 404, "the cloud has not sent a configuration yet"),
        ("POST", &format!("/v1/{}:publishEvent", support::shim::DEVICE), "", b"{}", 400, "the body has no `binaryData`"),
        ("POST", &format!("/v1/{}:publishEvent", support::shim::DEVICE), "", b"{", 400, "the body is not JSON of publishEvent"),
    ] {
        let (got, body) = shim.http(method, path, headers, body);
        assert_eq!(got, code, "{path}: {body}");
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(error["error"].as_str().unwrap().starts_with(text), "{path}: {body}");
    }
    assert_eq!(shim.status()["accepted"], 0);
    let path = format!("/v1/{}:publishEvent", support::shim::DEVICE);
    assert_eq!(shim.http("POST", &path, "", br#"{"binaryData":"aGk=","subFolder":"ab"}"#).0, 200, "as Cloud IoT Core's HTTP bridge");
}

#[test]
fn a_full_spool_that_rejects_says_so_to_everybody() {
    let accept = "[accept]\nhttp = \"127.0.0.1:0\"\nmqtt = \"127.0.0.1:0\"\n";
    let spool = "[spool]\npolicy = \"reject\"\ngeneration_bytes = 4194304\nmax_bytes = 8388608\n";
    let shim = Shim::start(nowhere(), &format!("{accept}{spool}"));
    let payload = vec![b'x'; 250 * 1024];
    wait_until("the spool is full", || shim.http("POST", "/v1/events", "", &payload).0 == 507);
    let (_, body) = shim.http("POST", "/v1/events", "", &payload);
    assert!(body.contains("the reading was not taken: the spool holds ") && body.contains(" bytes of the 8388608 it may"), "{body}");
    let mut client = Client::v5(shim.address("mqtt"));
    client.publish(EVENTS, &payload, QoS::AtLeastOnce, 1);
    match client.hear_v5() {
        Some(v5::Packet::PublishAck(ack)) => {
            assert_eq!(ack.reason_code, PublishAckReason::QuotaExceeded);
            assert!(ack.reason_string.unwrap().contains("bytes of the 8388608 it may"));
        }
        other => panic!("{other:?}"),
    }
    let mut client = Client::v3(shim.address("mqtt"));
    client.publish(EVENTS, &payload, QoS::AtLeastOnce, 1);
    assert_eq!(client.hear_v3(), None, "3.1.1 can only close");
    let file = shim.path("payload");
    std::fs::write(&file, &payload).unwrap();
    let sent = run(&["send", "--file", file.to_str().unwrap(), "--config", shim.config().to_str().unwrap()], "");
    let text = String::from_utf8(sent.stderr).unwrap();
    assert!(!sent.status.success() && text.contains("0 of 1 readings are durable: the reading was not taken"), "{text}");
    let status = shim.status();
    assert!(status["rejected"]["quota"].as_u64().unwrap() >= 4 && status["held"] == status["accepted"], "{status}");
}

#[test]
fn mqtt_ends_what_cloud_iot_core_ended_and_says_why() {
    use DisconnectReasonCode as Code;
    let shim = Shim::start(nowhere(), "");
    let large = vec![b'x'; 256 * 1024 + 1];
    for (topic, payload, qos, code, text) in [
        (
            "/devices/dev-2/events",
            &b"x"[..],
            QoS::AtLeastOnce,
            Code::TopicNameInvalid,
            "is of another device: this shim speaks for `dev-1`",
        ),
        ("sensors/1", b"x", QoS::AtLeastOnce, Code::TopicNameInvalid, "topic `sensors/1` cannot be published to"),
        ("/devices/dev-1/events/1", b"x", QoS::AtLeastOnce, Code::TopicNameInvalid, "subfolder `1` is not valid"),
        ("/devices/dev-1/attach", b"{}", QoS::AtLeastOnce, Code::TopicNameInvalid, "topic `/devices/dev-1/attach`"),
        (EVENTS, b"x", QoS::ExactlyOnce, Code::QosNotSupported, "QoS 2 is not supported"),
        (EVENTS, &large, QoS::AtLeastOnce, Code::PacketTooLarge, "an event of 262145 bytes exceeds the limit of 262144 bytes"),
    ] {
        let mut client = Client::v5(shim.address("mqtt"));
        client.publish(topic, payload, qos, 1);
        match client.hear_v5() {
            Some(v5::Packet::Disconnect(goodbye)) => {
                assert_eq!(goodbye.reason_code, code, "{topic}");
                assert!(goodbye.reason_string.as_deref().unwrap().contains(text), "{topic}: {goodbye:?}");
            }
            other => panic!("{topic}: {other:?}"),
        }
        assert_eq!(client.hear_v5(), None);
        let mut client = Client::v3(shim.address("mqtt"));
        client.publish(topic, payload, qos, 1);
        assert_eq!(client.hear_v3(), None, "{topic}");
    }
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xc0\x00", b"\x10\xff\xff\xff\xff\xff", b"\x10\x0c\x00\x04MQTT\x09\x02\x00\x3c\x00\x00"]
    {
        let mut stream = TcpStream::connect(shim.address("mqtt")).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{bytes:?}: {answer:?}");
    }
    assert_eq!(shim.status()["accepted"], 0);
}

#[test]
fn a_configuration_follows_suback_and_a_command_is_acknowledged_when_somebody_took_it() {
    let bridge = Bridge::start([]);
    let mut shim = Shim::start(bridge.addr, "");
    wait_until("the configuration is asked for", || !bridge.seen().subscribed.is_empty());
    bridge.send("/devices/dev-1/config", "interval=5");
    wait_until("it is acknowledged", || bridge.seen().pubacks == 1);
    assert_eq!(shim.http("GET", "/v1/config", "", b""), (200, "interval=5".to_owned()));
    assert_eq!(bridge.seen().subscribed.len(), 1, "nobody wants commands");

    // The bridge is gone; the last configuration is not.
    shim.kill();
    shim.restart();
    let mut client = Client::v3(shim.address("mqtt"));
    let granted = client.subscribe_v3(&["/devices/dev-1/config", "/devices/dev-1/commands/#", "/devices/dev-2/config", "#"]);
    use v3::SubscribeReturnCode::{Failure, Success};
    assert_eq!(granted, [Success(QoS::AtLeastOnce), Success(QoS::AtLeastOnce), Failure, Failure]);
    let Some(v3::Packet::Publish(config)) = client.hear_v3() else { panic!("no configuration") };
    assert_eq!((&config.topic[..], &config.payload[..]), ("/devices/dev-1/config", &b"interval=5"[..]));

    let commands = "/devices/dev-1/commands/#".to_owned();
    wait_until("commands are asked for", || bridge.seen().subscribed.contains(&commands));
    bridge.send("/devices/dev-1/commands/door", "open");
    let Some(v3::Packet::Publish(command)) = client.hear_v3() else { panic!("no command") };
    assert_eq!((&command.topic[..], &command.payload[..]), ("/devices/dev-1/commands/door", &b"open"[..]));
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(bridge.seen().pubacks, 1, "not before the client has it");
    client.say(rmqtt_codec::MqttPacket::V3(v3::Packet::PublishAck { packet_id: command.packet_id.unwrap() }));
    wait_until("the command is acknowledged", || bridge.seen().pubacks == 2);
    drop(client);
    wait_until("commands are not asked for any more", || !bridge.seen().subscribed.contains(&commands));
}

#[test]
fn the_unix_socket_answers_each_request_in_order_and_refuses_what_it_cannot_read() {
    let shim = Shim::start(nowhere(), "");
    let ask = |text: &str| {
        let mut stream = UnixStream::connect(shim.path("data/shim.sock")).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let three =
        ask("{\"kind\":\"events\",\"len\":2}\nhi{\"kind\":\"events\",\"subfolder\":\"1\",\"len\":0}\n{\"kind\":\"state\",\"len\":2}\nok");
    let lines: Vec<_> = three.lines().collect();
    assert_eq!((lines[0], lines[2]), (r#"{"boot":1,"seq":1}"#, r#"{"boot":1,"seq":2}"#));
    assert!(lines[1].starts_with(r#"{"error":"subfolder `1` is not valid"#), "{three}");
    for (request, text) in [
        ("hello\n", "the first line is not a request: "),
        ("{\"kind\":\"events\",\"length\":2}\n", "the first line is not a request: unknown field `length`"),
        ("{\"kind\":\"event\"}\n", "kind `event` is unknown: use events, state or status"),
        ("{\"kind\":\"events\",\"len\":262145}\n", "a payload of 262145 bytes exceeds the limit of 262144 bytes"),
        ("{\"kind\":\"events\",\"len\":9}\nhi", "the payload ended before its 9 bytes"),
        (&"x".repeat(5_000), "the first line exceeds 4096 bytes or has no end"),
    ] {
        let answer = ask(request);
        assert!(answer.starts_with(&format!("{{\"error\":\"{text}")), "{answer}");
    }
}

#[test]
fn connections_above_the_cap_are_closed_and_counted() {
    let shim = Shim::start(nowhere(), "[accept]\nmqtt = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\nmax_connections = 3\n");
    let held: Vec<_> = (0..3).map(|_| Client::v3(shim.address("mqtt"))).collect();
    let mut fourth = TcpStream::connect(shim.address("mqtt")).unwrap();
    assert_eq!(fourth.read(&mut [0; 8]).unwrap_or(0), 0);
    assert_eq!(shim.status()["intake"]["connections_refused"], 1);
    drop(held);
    wait_until("there is room again", || {
        let mut next = TcpStream::connect(shim.address("mqtt")).unwrap();
        next.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        next.read(&mut [0; 8]).is_err()
    });
}

#[test]
fn the_numbers_of_the_status_are_there_for_prometheus() {
    let shim = Shim::start(nowhere(), "");
    shim.post("one");
    shim.post("two");
    let mut http = TcpStream::connect(shim.address("http")).unwrap();
    http.write_all(b"GET /metrics HTTP/1.1\r\nHost: shim\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    http.read_to_string(&mut text).unwrap();
    assert!(text.contains("content-type: text/plain; version=0.0.4"), "{text}");
    for line in [
        "drawbridge_shim_accepted_total 2",
        "drawbridge_shim_held 2",
        "drawbridge_shim_evicted_total{cause=\"quota\"} 0",
        "drawbridge_shim_connected 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
}
