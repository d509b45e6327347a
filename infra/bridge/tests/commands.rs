//! Commands to the sessions of one process: the contract of `CommandChannel`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contract::command_channel::{DEVICES, Device, Subject};
use domain::DeviceKey;
use domain::ports::CommandChannel;
use infra_bridge::Limits;
use support::client::{Client, Got};
use support::{Rig, device_key, limits};

/// How long the bridge waits for an acknowledgement here.
const WAIT: Duration = Duration::from_secs(1);

struct InProcess(Rig);

async fn in_process() -> InProcess {
    let rig = Rig::with(Limits { command_timeout: WAIT, ..limits() }).await;
    for (number, id) in (1..).zip(DEVICES) {
        rig.add(id, number).await;
    }
    InProcess(rig)
}

contract::command_channel_suite!(in_process);

#[async_trait]
impl Subject for InProcess {
    type Device = Connected;

    fn channel(&self) -> Arc<dyn CommandChannel> {
        self.0.bridge.commands()
    }

    fn limit(&self) -> Duration {
        WAIT
    }

    fn key(&self, device: &str) -> DeviceKey {
        device_key(device)
    }

    async fn connect(&self, device: &str) -> Connected {
        Connected { client: self.0.device(device).await, commands: format!("/devices/{device}/commands"), taken: 0 }
    }
}

/// A device, the topic of its commands, and the packet id of the last one.
struct Connected {
    client: Client,
    commands: String,
    taken: u16,
}

#[async_trait]
impl Device for Connected {
    async fn subscribe(&mut self, qos: u8) {
        self.client.subscribe(1, &[(&format!("{}/#", self.commands), qos)]).await;
        assert_eq!(self.client.next().await, Got::SubAck(1, vec![qos]));
    }

    async fn take(&mut self) -> (String, Bytes) {
        let Got::Publish { topic, payload, id, .. } = self.client.next().await else { panic!("no command") };
        self.taken = id;
        let subfolder = topic.strip_prefix(&self.commands).unwrap().trim_start_matches('/');
        (subfolder.to_owned(), payload)
    }

    async fn acknowledge(&mut self) {
        self.client.ack(self.taken).await;
    }
}
