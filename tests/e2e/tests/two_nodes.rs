//! Two bridge nodes, the functions in a third process, Firestore, Pub/Sub and NATS between them; a device by paho-mqtt.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_proxy::ChaosProxy;
use e2e_tests::{Installation, Scene, wait_until};
use stage::Reply;

const PATIENCE: Duration = Duration::from_secs(20);

/// The status and the text of a refusal.
fn refusal(reply: &Reply) -> Result<(String, String)> {
    let error = reply.json()?["error"].clone();
    let text = |key: &str| error[key].as_str().map(Into::into).with_context(|| format!("no `{key}` in {}", reply.text()));
    Ok((text("status")?, text("message")?))
}

#[test]
fn a_command_reaches_the_device_on_whichever_node_it_is() -> Result<()> {
    Scene::play("two-nodes-command", |scene| {
        let all = Installation::start(scene, "two-nodes-command")?;
        let (status, text) = refusal(&all.command("nobody")?)?;
        assert_eq!(status, "FAILED_PRECONDITION");
        ensure!(text.contains("is not connected"), "{text}");
        for (n, node) in all.nodes.iter().enumerate() {
            let mut device = all.connect(node.mqtt()?, true)?;
            // At once after SUBACK.
            let sent = format!("to node {n}");
            all.command(&sent)?.success("the command")?;
            assert_eq!(device.wait_for("commands")?["payload"], sent);
            // This one leaves before the next node has its turn.
            drop(device);
            all.wait_for_answer(400)?;
        }
        Ok(())
    })
}

#[test]
fn a_configuration_reaches_the_device_on_its_node() -> Result<()> {
    Scene::play("two-nodes-config", |scene| {
        let all = Installation::start(scene, "two-nodes-config")?;
        let mut device = all.connect(all.nodes[1].mqtt()?, true)?;
        assert_eq!(device.wait_for("config")?["payload"], "", "the first one, at SUBSCRIBE");
        all.configure("brighter")?;
        assert_eq!(device.wait_for("config")?["payload"], "brighter");
        Ok(())
    })
}

#[test]
fn a_killed_node_is_noticed_and_its_devices_connect_to_the_other() -> Result<()> {
    Scene::play("two-nodes-kill", |scene| {
        let mut all = Installation::start(scene, "two-nodes-kill")?;
        // What a TCP load balancer is to the devices: a front that leads to a living node.
        let front = ChaosProxy::to(all.nodes[0].mqtt()?)?;
        let mut device = all.connect(front.addr(), false)?;
        device.publish("before")?;
        all.command("before")?.success("the command")?;
        front.cut();
        all.nodes[0].process.kill()?;
        let (status, text) = refusal(&all.wait_for_answer(400)?)?;
        assert_eq!(status, "FAILED_PRECONDITION");
        ensure!(text.contains("is not connected"), "{text}");
        front.retarget(all.nodes[1].mqtt()?)?;
        front.restore();
        device.wait_for("subscribed")?;
        device.publish("after")?;
        all.command("after")?.success("the command")?;
        while device.wait_for("commands")?["payload"] != "after" {}
        let mut arrived = Vec::new();
        wait_until("both events", PATIENCE, || {
            arrived.extend(all.topic.take()?.into_iter().map(|a| a.data));
            Ok(arrived.len() >= 2)
        })?;
        assert_eq!(arrived, [b"before".to_vec(), b"after".to_vec()]);
        Ok(())
    })
}

#[test]
fn the_newest_connection_of_a_device_wins_across_nodes() -> Result<()> {
    Scene::play("two-nodes-takeover", |scene| {
        let all = Installation::start(scene, "two-nodes-takeover")?;
        let mut old = all.connect(all.nodes[0].mqtt()?, true)?;
        let mut new = all.connect(all.nodes[1].mqtt()?, true)?;
        old.wait_for("disconnected")?;
        new.publish("here now")?;
        all.command("which one")?.success("the command")?;
        assert_eq!(new.wait_for("commands")?["payload"], "which one");
        Ok(())
    })
}

#[test]
fn a_dead_bus_stops_commands_and_nothing_else_and_heals_without_a_restart() -> Result<()> {
    Scene::play("two-nodes-bus", |scene| {
        let mut all = Installation::start(scene, "two-nodes-bus")?;
        let mut early = all.connect(all.nodes[0].mqtt()?, false)?;
        early.publish("before")?;
        all.nats.kill()?;
        let start = Instant::now();
        let (status, text) = refusal(&all.wait_for_answer(503)?)?;
        assert_eq!(status, "UNAVAILABLE");
        ensure!(text.contains("the command bus is down; telemetry and connections of devices are not affected"), "{text}");
        ensure!(start.elapsed() < Duration::from_secs(2), "commands fail at once: {:?}", start.elapsed());
        // Who is connected goes on, who connects is let in, on either node; nodes stay ready.
        early.publish("meanwhile")?;
        all.configure("changed meanwhile")?;
        let mut moved = all.connect(all.nodes[1].mqtt()?, true)?;
        moved.publish("connected meanwhile")?;
        for node in &all.nodes {
            let (status, said) = node.ready()?;
            ensure!(status == 200 && said["commands"].as_str().is_some_and(|c| c.starts_with("down")), "{status}: {said}");
        }
        all.nats.restart()?;
        wait_until("the bus", PATIENCE, || all.is_bus_up())?;
        all.wait_for_answer(200)?;
        Ok(())
    })
}
