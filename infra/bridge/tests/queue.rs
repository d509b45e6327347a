//! Commands that wait for a device, with the device at the other end of a real connection.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use domain::command::{CLAIM_LAPSES, CommandRecord, CommandState, Drained, NewCommand, Queue, Recipient};
use domain::ports::{CommandChannel, Expect};
use infra_bridge::Limits;
use infra_local::SystemClock;
use support::client::{Client, Got};
use support::{Rig, client_id, device_key, limits};

const COMMANDS: &str = "/devices/dev/commands/#";
const HOUR: Duration = Duration::from_secs(3600);

fn recipient() -> Recipient {
    Recipient { key: device_key("dev"), num_id: 1 }
}

fn queue<'a>(rig: &'a Rig, channel: &'a Arc<dyn CommandChannel>) -> Queue<'a> {
    Queue { stores: &rig.stores, channel: &**channel, clock: &SystemClock }
}

/// As the function does it, without the attempt to send.
async fn take(rig: &Rig, text: &str, ttl: Duration) -> CommandRecord {
    let command = NewCommand { id: None, subfolder: String::new(), data: text.into(), ttl };
    queue(rig, &rig.bridge.commands()).take(&recipient(), command, 0).await.unwrap()
}

async fn now(rig: &Rig, command: &CommandRecord) -> CommandRecord {
    queue(rig, &rig.bridge.commands()).get(&recipient(), &command.id).await.unwrap().value
}

/// Waits at most 5 s for a state.
async fn comes_to(rig: &Rig, command: &CommandRecord, state: CommandState) -> CommandRecord {
    for _ in 0..500 {
        let record = now(rig, command).await;
        if record.state == state {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {state:?} within 5 s: {:?}", now(rig, command).await);
}

async fn subscribe(device: &mut Client, qos: u8) {
    device.subscribe(1, &[(COMMANDS, qos)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![qos]));
}

async fn got(device: &mut Client) -> (u16, String) {
    match device.next().await {
        Got::Publish { topic, payload, id, .. } if topic == "/devices/dev/commands" => (id, String::from_utf8(payload.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_waits_is_sent_at_subscribe_in_order_and_one_at_a_time() {
    let rig = Rig::new().await;
    let mut taken = Vec::new();
    for text in ["1", "2", "3"] {
        taken.push(take(&rig, text, HOUR).await);
    }
    let mut device = rig.device("dev").await;
    assert_eq!(device.within(Duration::from_millis(50)).await, None, "not before it subscribes");
    subscribe(&mut device, 1).await;
    for (text, command) in ["1", "2", "3"].into_iter().zip(&taken) {
        let (id, payload) = got(&mut device).await;
        assert_eq!(payload, text);
        device.ping().await;
        assert_eq!(device.next().await, Got::Pong, "the session is not held, and nothing else came");
        assert_eq!(now(&rig, command).await.state, CommandState::Sent);
        device.ack(id).await;
        let over = comes_to(&rig, command, CommandState::Acknowledged).await;
        assert_eq!((over.attempts, over.data.len(), over.size), (1, 0, 1));
    }
    assert_eq!(device.within(Duration::from_millis(50)).await, None);
}

#[tokio::test]
async fn at_qos_0_no_more_is_claimed_than_that_it_was_handed_on() {
    let rig = Rig::new().await;
    let taken = [take(&rig, "1", HOUR).await, take(&rig, "2", HOUR).await];
    let mut device = rig.device("dev").await;
    subscribe(&mut device, 0).await;
    assert_eq!((got(&mut device).await.1, got(&mut device).await.1), ("1".into(), "2".into()));
    for command in &taken {
        comes_to(&rig, command, CommandState::Delivered).await;
    }
}

#[tokio::test]
async fn a_device_killed_before_its_puback_gets_it_again_under_the_same_id() {
    let rig = Rig::new().await;
    let first = take(&rig, "1", HOUR).await;
    let second = take(&rig, "2", HOUR).await;
    for attempt in 1..=3 {
        let mut device = rig.device5("dev").await;
        subscribe(&mut device, 1).await;
        assert_eq!(got(&mut device).await.1, "1", "nothing overtakes it");
        assert_eq!(device.user_properties, [("commandId".to_owned(), first.id.to_string())]);
        assert_eq!(now(&rig, &first).await.attempts, attempt);
        drop(device);
        let back = comes_to(&rig, &first, CommandState::Queued).await;
        assert_eq!(back.data, b"1", "kept until it is over");
    }
    let mut device = rig.device5("dev").await;
    subscribe(&mut device, 1).await;
    for command in [&first, &second] {
        let (id, _) = got(&mut device).await;
        assert_eq!(device.user_properties[0].1, command.id.to_string());
        device.ack(id).await;
        comes_to(&rig, command, CommandState::Acknowledged).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_taken_over_hands_on_what_it_did_not_acknowledge() {
    let rig = Rig::new().await;
    let command = take(&rig, "1", HOUR).await;
    let mut old = rig.device("dev").await;
    subscribe(&mut old, 1).await;
    assert_eq!(got(&mut old).await.1, "1");
    let mut new = rig.device("dev").await;
    subscribe(&mut new, 1).await;
    let (id, payload) = got(&mut new).await;
    assert_eq!(payload, "1");
    new.ack(id).await;
    assert_eq!(comes_to(&rig, &command, CommandState::Acknowledged).await.attempts, 2);
}

#[tokio::test]
async fn two_subscribes_send_each_command_once() {
    let rig = Rig::new().await;
    let taken = [take(&rig, "1", HOUR).await, take(&rig, "2", HOUR).await];
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(COMMANDS, 1), (COMMANDS, 1)]).await;
    device.subscribe(2, &[(COMMANDS, 1)]).await;
    let mut texts = Vec::new();
    while let Some(packet) = device.within(Duration::from_millis(300)).await {
        if let Got::Publish { payload, id, .. } = packet {
            texts.push(payload);
            device.ack(id).await;
        }
    }
    assert_eq!(texts, ["1", "2"]);
    for command in &taken {
        assert_eq!(now(&rig, command).await.attempts, 1);
    }
}

#[tokio::test]
async fn what_is_over_or_cancelled_is_not_sent() {
    let rig = Rig::new().await;
    let short = take(&rig, "short", Duration::from_millis(200)).await;
    let canceled = take(&rig, "cancelled", HOUR).await;
    let long = take(&rig, "long", HOUR).await;
    queue(&rig, &rig.bridge.commands()).cancel(&recipient(), &canceled.id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let mut device = rig.device("dev").await;
    subscribe(&mut device, 1).await;
    let (id, payload) = got(&mut device).await;
    assert_eq!(payload, "long");
    device.ack(id).await;
    comes_to(&rig, &long, CommandState::Acknowledged).await;
    let stored = rig.stores.commands.get(&recipient().name(&short.id)).await.unwrap().unwrap().value;
    assert_eq!((stored.state, stored.data.len(), stored.attempts), (CommandState::Expired, 0, 0), "the bridge wrote it down");
}

#[tokio::test]
async fn a_hundred_arrive_in_order() {
    let rig = Rig::new().await;
    for n in 0..100 {
        take(&rig, &n.to_string(), HOUR).await;
    }
    let mut device = rig.device("dev").await;
    subscribe(&mut device, 1).await;
    for n in 0..100 {
        let (id, payload) = got(&mut device).await;
        assert_eq!(payload, n.to_string());
        device.ack(id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_comes_while_the_device_subscribes_is_not_lost() {
    let rig = Arc::new(Rig::new().await);
    for round in 0..100 {
        let mut device = rig.device("dev").await;
        let sender = rig.clone();
        let sending = tokio::spawn(async move {
            // From before the SUBSCRIBE to after it.
            tokio::time::sleep(Duration::from_micros(round * 20)).await;
            let command = take(&sender, &round.to_string(), HOUR).await;
            let channel = sender.bridge.commands();
            (command, queue(&sender, &channel).drain(&recipient(), None).await.unwrap())
        });
        device.subscribe(1, &[(COMMANDS, 1)]).await;
        assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
        let (id, payload) = got(&mut device).await;
        assert_eq!(payload, round.to_string());
        device.ack(id).await;
        let (command, ended) = sending.await.unwrap();
        assert!(matches!(ended, Drained::Empty | Drained::Claimed | Drained::Away), "{ended:?}");
        comes_to(&rig, &command, CommandState::Acknowledged).await;
    }
}

#[tokio::test]
async fn the_claim_of_a_deliverer_that_died_holds_until_it_lapses() {
    let rig = Rig::with(Limits { recheck: Duration::from_millis(300), ..limits() }).await;
    let command = take(&rig, "1", HOUR).await;
    let almost = CLAIM_LAPSES - Duration::from_millis(1500);
    let claimed = CommandRecord { state: CommandState::Sent, send_time: Some(rig.now() - almost), attempts: 1, ..command.clone() };
    rig.stores.commands.put(&recipient().name(&command.id), &claimed, Expect::Anything).await.unwrap();
    let mut device = rig.device("dev").await;
    subscribe(&mut device, 1).await;
    assert_eq!(device.within(Duration::from_secs(1)).await, None, "somebody may be sending it");
    let (id, _) = got(&mut device).await;
    device.ack(id).await;
    assert_eq!(comes_to(&rig, &command, CommandState::Acknowledged).await.attempts, 2);
}

#[tokio::test]
async fn a_late_puback_counts_and_lets_the_next_command_go() {
    let rig = Rig::with(Limits { command_timeout: Duration::from_millis(200), ..limits() }).await;
    let (first, second) = (take(&rig, "1", HOUR).await, take(&rig, "2", HOUR).await);
    let mut device = rig.device("dev").await;
    subscribe(&mut device, 1).await;
    let (id, _) = got(&mut device).await;
    comes_to(&rig, &first, CommandState::Queued).await;
    assert_eq!(device.within(Duration::from_millis(300)).await, None, "nothing again on the same connection");
    device.ack(id).await;
    comes_to(&rig, &first, CommandState::Acknowledged).await;
    let (id, payload) = got(&mut device).await;
    assert_eq!((payload.as_str(), rig.bridge.counters().commands_acked_late), ("2", 1));
    device.ack(id).await;
    comes_to(&rig, &second, CommandState::Acknowledged).await;
}

#[tokio::test]
async fn a_device_that_refuses_a_command_is_not_asked_again() {
    let rig = Rig::new().await;
    let (bad, good) = (take(&rig, "bad", HOUR).await, take(&rig, "good", HOUR).await);
    let mut device = rig.device5("dev").await;
    subscribe(&mut device, 1).await;
    let (id, _) = got(&mut device).await;
    device.send(&support::client::packet(0x40, &[&id.to_be_bytes()[..], &[0x99]].concat())).await;
    let (id, payload) = got(&mut device).await;
    assert_eq!(payload, "good");
    device.ack(id).await;
    comes_to(&rig, &bad, CommandState::Failed).await;
    comes_to(&rig, &good, CommandState::Acknowledged).await;
}

#[tokio::test]
async fn where_one_at_a_time_is_taken_the_queue_goes_on_after_the_configuration() {
    let rig = Rig::new().await;
    let command = take(&rig, "1", HOUR).await;
    let mut device = Client::one_at_a_time(rig.addr, &client_id("dev"), &rig.key.token()).await;
    device.subscribe(1, &[("/devices/dev/config", 1), (COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1, 1]));
    for _ in 0..2 {
        let Got::Publish { id, .. } = device.next().await else { panic!() };
        assert_eq!(device.within(Duration::from_millis(50)).await, None);
        device.ack(id).await;
    }
    comes_to(&rig, &command, CommandState::Acknowledged).await;
}
