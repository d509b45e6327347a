//! An attempt that ends badly: who tries again, and who does not.

use std::time::Duration;

use domain::command::{CLAIM_LAPSES, CommandRecord, CommandState};
use domain::ports::Expect;
use infra_bridge::Limits;

use crate::rig::{HOUR, comes_to, got, now, queue, recipient, subscribe, take};
use crate::support::client::packet;
use crate::support::{Rig, limits};

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
    device.send(&packet(0x40, &[&id.to_be_bytes()[..], &[0x99]].concat())).await;
    let (id, payload) = got(&mut device).await;
    assert_eq!(payload, "good");
    device.ack(id).await;
    comes_to(&rig, &bad, CommandState::Failed).await;
    comes_to(&rig, &good, CommandState::Acknowledged).await;
}
