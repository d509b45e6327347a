//! The bus between processes, over a real nats-server.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chaos_proxy::{ChaosProxy, Direction};
use domain::ports::{CommandChannel, Delivery};
use futures_util::StreamExt as _;
use support::{Bus, COMMAND_TIMEOUT, Device, WrongClock, command, eventually, key};

const ALL: [Delivery; 7] = [
    Delivery::Acknowledged,
    Delivery::Delivered,
    Delivery::NotConnected,
    Delivery::NotSubscribed,
    Delivery::Busy,
    Delivery::TimedOut,
    Delivery::Refused,
];

#[tokio::test]
async fn a_command_reaches_the_session_wherever_it_is_and_its_answer_comes_back() {
    let bus = Bus::new();
    let (function, nodes) = (bus.node().await, [bus.node().await, bus.node().await]);
    for (n, answer) in ALL.into_iter().enumerate() {
        let (device, key) = (Device::that_answers(answer), key(&format!("dev.{n}%")));
        let _here = device.enter(&nodes[n % 2], &key).await;
        assert_eq!(function.deliver(&key, command("x")).await.unwrap(), answer);
        assert_eq!(*device.commands.lock().unwrap(), [command("x")], "whole, and once");
    }
    assert!(nodes.iter().all(|n| n.counters().unconfirmed == 0), "each was known to the server before it was let in");
}

/// A command that meets a session on its way out hears so at once, of no probe, which would be a second later.
const AT_ONCE: Duration = Duration::from_secs(1);
/// For a session to be gone everywhere.
const LEAVING: Duration = Duration::from_secs(5);
/// One way from a node to the server, where a test makes it long.
const FAR: Duration = Duration::from_millis(250);
/// Until the node has said that its session leaves; the server has not heard it.
const SAID: Duration = Duration::from_millis(20);

/// A node behind a line, which has work: its client library turns all the time.
async fn busy_node(bus: &Bus) -> (ChaosProxy, infra_nats::Nats) {
    let line = ChaosProxy::to(bus.server.addr()).unwrap();
    let node = bus.joining_at(line.addr(), Arc::default()).await;
    eventually("the bus is up", || node.is_up()).await;
    let working = node.clone();
    tokio::spawn(async move {
        loop {
            working.hint(&key("other")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    (line, node)
}

#[tokio::test]
async fn a_command_that_meets_its_session_on_the_way_out_is_not_connected_at_once() {
    let bus = Bus::new();
    let (function, (line, node)) = (bus.node().await, busy_node(&bus).await);
    let (device, key) = (Device::that_answers(Delivery::Acknowledged), key("dev"));
    let here = device.enter(&node, &key).await;
    line.delay_one_way(Direction::Up, FAR);
    drop(here);
    tokio::time::sleep(SAID).await;
    let start = Instant::now();
    let asked = (0..4).map(|_| function.deliver(&key, command("x")));
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap(), Delivery::NotConnected);
    }
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!((device.got(), node.counters().commands), (0, 4), "they reached the node, and not the device");
}

#[tokio::test]
async fn a_session_that_leaves_keeps_silent_on_what_its_successor_has() {
    let bus = Bus::new();
    let (function, (line, node), other) = (bus.node().await, busy_node(&bus).await, bus.node().await);
    let (old, new, key) = (Device::that_answers(Delivery::Acknowledged), Device::that_waits(), key("dev"));
    let here = old.enter(&node, &key).await;
    line.delay_one_way(Direction::Up, FAR);
    drop(here);
    tokio::time::sleep(SAID).await;
    let _new = new.enter(&other, &key).await;
    let asked = tokio::spawn(async move { function.deliver(&key, command("x")).await });
    eventually("it came", || new.got() == 1).await;
    tokio::time::sleep(3 * FAR).await;
    new.go();
    assert_eq!(asked.await.unwrap().unwrap(), Delivery::Acknowledged, "the new session's answer");
    assert_eq!(old.got(), 0);
}

#[tokio::test]
async fn commands_amid_sessions_that_come_and_go_are_all_answered_at_once() {
    let bus = Bus::new();
    let (function, node, key) = (bus.node().await, bus.node().await, key("dev"));
    let device = Device::that_answers(Delivery::Acknowledged);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (function, key) = (function.clone(), key.clone());
            tokio::spawn(async move {
                let (mut slowest, mut answers) = (Duration::ZERO, [0, 0]);
                while answers.iter().sum::<u32>() < 500 {
                    let start = Instant::now();
                    match function.deliver(&key, command("x")).await.unwrap() {
                        Delivery::Acknowledged => answers[0] += 1,
                        Delivery::NotConnected => answers[1] += 1,
                        other => panic!("{other:?} after {:?}", start.elapsed()),
                    }
                    slowest = slowest.max(start.elapsed());
                }
                (slowest, answers)
            })
        })
        .collect();
    while callers.iter().any(|caller| !caller.is_finished()) {
        let here = device.enter(&node, &key).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
        drop(here);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for caller in callers {
        let (slowest, answers) = caller.await.unwrap();
        assert!(slowest < AT_ONCE && answers.iter().all(|n| *n > 0), "{slowest:?}, {answers:?}");
    }
}

#[tokio::test]
async fn a_command_that_was_lost_with_its_session_is_answered_soon() {
    let bus = Bus::new();
    let function = bus.node().await;
    // A node that is killed with a command in hand: the server has its subscription a moment longer than it lives.
    let killed = async_nats::connect(bus.server.url()).await.unwrap();
    let mut subscriber = killed.subscribe("command.>").await.unwrap();
    // What comes back shows that the server has the subscription.
    killed.publish("command.itself", "".into()).await.unwrap();
    subscriber.next().await.unwrap();
    let dying = async {
        subscriber.next().await.unwrap();
        killed.drain().await.unwrap();
    };
    let start = Instant::now();
    let lost = key("lost");
    let (answer, ()) = tokio::join!(function.deliver(&lost, command("x")), dying);
    assert_eq!(answer.unwrap(), Delivery::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_device_without_a_session_is_not_connected_at_once() {
    let bus = Bus::new();
    let (function, node) = (bus.node().await, bus.node().await);
    let (device, key) = (Device::that_answers(Delivery::Acknowledged), key("dev"));
    let start = Instant::now();
    assert_eq!(function.deliver(&key, command("x")).await.unwrap(), Delivery::NotConnected);
    assert!(start.elapsed() < COMMAND_TIMEOUT, "{:?}", start.elapsed());
    let here = device.enter(&node, &key).await;
    assert_eq!(function.deliver(&key, command("x")).await.unwrap(), Delivery::Acknowledged);
    drop(here);
    let gone = async { while function.deliver(&key, command("x")).await.unwrap() != Delivery::NotConnected {} };
    tokio::time::timeout(LEAVING, gone).await.expect("gone with its session");
}

#[tokio::test]
async fn a_command_in_hand_is_answered_though_the_session_has_left() {
    let bus = Bus::new();
    let (function, node) = (bus.node().await, bus.node().await);
    let (device, key) = (Device::that_waits(), key("dev"));
    let here = device.enter(&node, &key).await;
    let asked = tokio::spawn({
        let key = key.clone();
        async move { function.deliver(&key, command("x")).await }
    });
    eventually("it came", || device.got() == 1).await;
    drop(here);
    device.go();
    assert_eq!(asked.await.unwrap().unwrap(), Delivery::Acknowledged);
}

#[tokio::test]
async fn a_session_that_has_too_many_in_hand_is_busy() {
    let bus = Bus::new();
    let (function, node) = (bus.node().await, bus.node().await);
    let (device, key) = (Device::that_waits(), key("dev"));
    let _here = device.enter(&node, &key).await;
    let ask = || {
        let (function, key) = (function.clone(), key.clone());
        tokio::spawn(async move { function.deliver(&key, command("x")).await.unwrap() })
    };
    let first: Vec<_> = (0..32).map(|_| ask()).collect();
    eventually("all came", || device.got() == 32).await;
    assert_eq!(ask().await.unwrap(), Delivery::Busy);
    assert_eq!((device.got(), node.counters().busy), (32, 1));
    device.go();
    for asked in first {
        assert_eq!(asked.await.unwrap(), Delivery::Acknowledged);
    }
}

#[tokio::test]
async fn the_newest_session_of_a_device_wins_on_whichever_node() {
    let bus = Bus::new();
    let (function, one, two) = (bus.node().await, bus.node().await, bus.node().await);
    let [old, new, other] = [Delivery::Acknowledged, Delivery::Delivered, Delivery::Delivered].map(Device::that_answers);
    let key = key("dev");
    let _old = old.enter(&one, &key).await;
    let _other = other.enter(&one, &support::key("other")).await;
    let _new = new.enter(&two, &key).await;
    eventually("the old one ends", || old.was_taken_over()).await;
    assert_eq!(function.deliver(&key, command("x")).await.unwrap(), Delivery::Delivered, "the new one's answer");
    assert!(!new.was_taken_over() && !other.was_taken_over());
    assert_eq!((one.counters().taken_over, two.counters().taken_over), (1, 0));
}

#[tokio::test]
async fn a_hint_reaches_the_session() {
    let bus = Bus::new();
    let (function, node) = (bus.node().await, bus.node().await);
    let (device, key) = (Device::that_answers(Delivery::Acknowledged), key("dev"));
    let _here = device.enter(&node, &key).await;
    function.hint(&key).await.unwrap();
    function.hint(&support::key("nobody")).await.unwrap();
    eventually("it came", || device.hints.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_command_that_comes_after_its_time_is_not_delivered() {
    let bus = Bus::new();
    let (clock, node) = (Arc::new(WrongClock::default()), bus.node().await);
    let function = bus.joining(clock.clone()).await;
    eventually("the bus is up", || function.is_up()).await;
    let (device, key) = (Device::that_answers(Delivery::Acknowledged), key("dev"));
    let _here = device.enter(&node, &key).await;
    // As if it had lain in a buffer for a minute; to the node the two are the same.
    clock.0.store(-60, Ordering::SeqCst);
    let e = function.deliver(&key, command("x")).await.unwrap_err();
    assert!(!e.is_retryable() && e.told.unwrap().contains("clocks"), "{e:?}");
    assert_eq!((device.got(), node.counters().late), (0, 1));
}

#[tokio::test]
async fn while_the_bus_is_down_commands_fail_at_once_and_sessions_begin_all_the_same() {
    let mut bus = Bus::new();
    let (function, one, two) = (bus.node().await, bus.node().await, bus.node().await);
    let (early, late) = (Device::that_answers(Delivery::Acknowledged), Device::that_answers(Delivery::Delivered));
    let _early = early.enter(&one, &key("early")).await;
    bus.server.kill().unwrap();
    eventually("it is noticed", || !function.is_up() && !two.is_up()).await;

    let start = Instant::now();
    let e = function.deliver(&key("early"), command("x")).await.unwrap_err();
    assert!(e.is_retryable() && e.told.unwrap().contains("telemetry"), "{e:?}");
    assert!(function.hint(&key("early")).await.is_err());
    let _late = late.enter(&two, &key("late")).await;
    assert!(start.elapsed() < Duration::from_millis(200), "nothing waits for the bus: {:?}", start.elapsed());

    bus.server.restart().unwrap();
    eventually("it is back", || function.is_up()).await;
    for (id, answer) in [("early", Delivery::Acknowledged), ("late", Delivery::Delivered)] {
        let healed = async { while function.deliver(&key(id), command("y")).await.ok() != Some(answer) {} };
        tokio::time::timeout(Duration::from_secs(10), healed).await.expect(id);
    }
    assert!([&early, &late].iter().all(|d| d.commands.lock().unwrap().iter().all(|c| c.data == "y")), "nothing came late");
    eventually("both look for what they missed", || [&early, &late].iter().all(|d| d.hints.load(Ordering::SeqCst) > 0)).await;
}

#[tokio::test]
async fn a_device_that_moved_while_the_bus_was_down_has_one_session_once_it_is_back() {
    let mut bus = Bus::new();
    let (one, two) = (bus.node().await, bus.node().await);
    let (old, new) = (Device::that_answers(Delivery::Acknowledged), Device::that_answers(Delivery::Acknowledged));
    let _old = old.enter(&one, &key("dev")).await;
    bus.server.kill().unwrap();
    eventually("it is noticed", || !one.is_up() && !two.is_up()).await;
    let _new = new.enter(&two, &key("dev")).await;
    assert!(!old.was_taken_over(), "nobody could tell it");
    bus.server.restart().unwrap();
    eventually("the old one ends", || old.was_taken_over()).await;
    assert!(!new.was_taken_over());
}

#[tokio::test]
async fn a_command_under_way_when_the_bus_is_lost_fails_and_does_not_wait() {
    let mut bus = Bus::new();
    let (function, node) = (bus.node().await, bus.node().await);
    let (device, key) = (Device::that_waits(), key("dev"));
    let _here = device.enter(&node, &key).await;
    let asked = tokio::spawn(async move { function.deliver(&key, command("x")).await });
    eventually("it came", || device.got() == 1).await;
    let start = Instant::now();
    bus.server.kill().unwrap();
    let e = asked.await.unwrap().unwrap_err();
    assert!(e.to_string().contains("may have it") && start.elapsed() < Duration::from_secs(1), "{e} after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_falls_silent_holds_a_connect_up_for_a_quarter_of_a_second_and_no_longer() {
    let bus = Bus::new();
    let line = ChaosProxy::to(bus.server.addr()).unwrap();
    let node = bus.joining_at(line.addr(), Arc::default()).await;
    eventually("the bus is up", || node.is_up()).await;
    line.black_hole();
    let (device, start) = (Device::that_answers(Delivery::Acknowledged), Instant::now());
    let _here = device.enter(&node, &key("dev")).await;
    let took = start.elapsed();
    assert!((250..500).contains(&took.as_millis()), "{took:?}");
    assert_eq!(node.counters().unconfirmed, 1);
}
