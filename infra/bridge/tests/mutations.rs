//! Mutated packets on real connections: nothing panics, and a healthy session beside them is unharmed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::client::{Client, Got, connect, packet, publish, subscribe};
use support::{Rig, client_id};

/// Connections with mutated bytes.
const CONNECTIONS: u64 = 800;

/// A sane conversation, CONNECT apart from the rest.
fn conversation(rig: &Rig, level: u8, id: &str) -> (Vec<u8>, Vec<u8>) {
    let topic = |rest: &str| format!("/devices/{id}/{rest}");
    let mut rest = subscribe(level, 1, &[(&topic("config"), 1), (&topic("commands/#"), 1)]);
    for n in 2..6 {
        rest.extend(publish(level, &topic("events/sub1"), 1, n, &[n as u8; 50]));
    }
    rest.extend(publish(level, &topic("state"), 1, 6, b"up"));
    rest.extend(packet(0x40, &[0, 1]));
    rest.extend([0xC0, 0]);
    rest.extend(packet(0xA2, &[&[0, 7][..], if level == 5 { &[0] } else { &[] }, &[0, 3], b"a/b"].concat()));
    (connect(level, &client_id(id), &rig.key.token(), 60), rest)
}

/// Changes, inserts, removes or cuts, one to eight times.
fn mutate(random: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..random.random_range(1..=8) {
        if bytes.is_empty() {
            return;
        }
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..6) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.insert(at, random.random()),
            3 => _ = bytes.remove(at),
            4 => bytes.truncate(at),
            _ => bytes[at] = [0, 0xFF, 0x7F, 0x80][random.random_range(0..4)],
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_panics_and_a_healthy_session_is_unharmed() {
    let panics = Arc::new(AtomicUsize::new(0));
    let (counted, default) = (panics.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::SeqCst);
        default(info);
    }));
    let rig = Arc::new(Rig::new().await);
    for n in 0..8 {
        rig.add(&format!("fuzz{n}"), 100 + n).await;
    }
    let mut healthy = rig.device("dev").await;
    let mut attacks = tokio::task::JoinSet::new();
    for seed in 0..CONNECTIONS {
        attacks.spawn(attack(rig.clone(), seed));
        if attacks.len() >= 32 {
            attacks.join_next().await;
        }
        if seed.is_multiple_of(8) {
            let id = u16::try_from(seed / 8 + 1).unwrap();
            healthy.publish("/devices/dev/events", 1, id, b"steady").await;
            assert_eq!(healthy.next().await, Got::PubAck(id));
        }
    }
    while attacks.join_next().await.is_some() {}
    healthy.ping().await;
    assert_eq!(healthy.next().await, Got::Pong);
    assert_eq!(panics.load(Ordering::SeqCst), 0);
    let steady = rig.sink.texts().iter().filter(|(_, p)| p == "steady").count();
    assert_eq!(steady, usize::try_from(CONNECTIONS).unwrap() / 8);
    let counted = rig.bridge.counters();
    assert!(counted.ended_malformed > 50 && counted.refused_malformed > 20, "the mutations reach both decoders: {counted:?}");
}

async fn attack(rig: Arc<Rig>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let level = if seed.is_multiple_of(2) { 4 } else { 5 };
    let (mut hello, mut rest) = conversation(&rig, level, &format!("fuzz{}", seed % 8));
    // One in three attacks the CONNECT, the others what comes after it.
    if seed.is_multiple_of(3) {
        mutate(&mut random, &mut hello)
    } else {
        mutate(&mut random, &mut rest)
    }
    let mut client = Client::open(rig.addr, level).await;
    hello.extend(rest);
    // In pieces of any size, as networks deliver.
    let mut sent = 0;
    while sent < hello.len() {
        let piece = random.random_range(1..=200).min(hello.len() - sent);
        client.io_send(&hello[sent..sent + piece]).await;
        sent += piece;
    }
    let mut buffer = [0; 4096];
    while let Ok(Ok(1..)) =
        tokio::time::timeout(Duration::from_millis(30), tokio::io::AsyncReadExt::read(&mut client.io, &mut buffer)).await
    {}
}
