//! What the tests of waiting commands start from.

use std::sync::Arc;
use std::time::Duration;

use domain::command::{CommandRecord, CommandState, NewCommand, Queue, Recipient};
use domain::ports::CommandChannel;
use infra_local::SystemClock;

use crate::support::client::{Client, Got};
use crate::support::{Rig, device_key};

pub(crate) const COMMANDS: &str = "/devices/dev/commands/#";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn recipient() -> Recipient {
    Recipient { key: device_key("dev"), num_id: 1 }
}

pub(crate) fn queue<'a>(rig: &'a Rig, channel: &'a Arc<dyn CommandChannel>) -> Queue<'a> {
    Queue { stores: &rig.stores, channel: &**channel, clock: &SystemClock }
}

/// As the function does it, without the attempt to send.
pub(crate) async fn take(rig: &Rig, text: &str, ttl: Duration) -> CommandRecord {
    let command = NewCommand { id: None, subfolder: String::new(), data: text.into(), ttl };
    queue(rig, &rig.bridge.commands()).take(&recipient(), command, 0).await.unwrap()
}

pub(crate) async fn now(rig: &Rig, command: &CommandRecord) -> CommandRecord {
    queue(rig, &rig.bridge.commands()).get(&recipient(), &command.id).await.unwrap().value
}

/// Waits at most 5 s for a state.
pub(crate) async fn comes_to(rig: &Rig, command: &CommandRecord, state: CommandState) -> CommandRecord {
    for _ in 0..500 {
        let record = now(rig, command).await;
        if record.state == state {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {state:?} within 5 s: {:?}", now(rig, command).await);
}

pub(crate) async fn subscribe(device: &mut Client, qos: u8) {
    device.subscribe(1, &[(COMMANDS, qos)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![qos]));
}

pub(crate) async fn got(device: &mut Client) -> (u16, String) {
    match device.next().await {
        Got::Publish { topic, payload, id, .. } if topic == "/devices/dev/commands" => (id, String::from_utf8(payload.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}
