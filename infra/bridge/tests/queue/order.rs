//! Everything that waits is sent, in its order, one at a time.

use std::sync::Arc;
use std::time::Duration;

use domain::command::{CommandState, Drained};

use crate::rig::{COMMANDS, HOUR, comes_to, got, now, queue, recipient, subscribe, take};
use crate::support::client::{Client, Got};
use crate::support::{Rig, client_id};

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
