//! What every [`CommandChannel`] does, case by case. [`command_channel_suite!`](crate::command_channel_suite) makes a test of
//! each for an adapter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::DeviceKey;
use domain::ports::{Command, CommandChannel, Delivery};

/// What a call may take past its limit on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// A channel, and devices that can connect.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A device's end of its connection. Dropping it ends the connection.
    type Device: Device;
    /// What is tested.
    fn channel(&self) -> Arc<dyn CommandChannel>;
    /// Within what time it answers whatever happens.
    fn limit(&self) -> Duration;
    /// The key of a device. The suite knows [`DEVICES`].
    fn key(&self, device: &str) -> DeviceKey;
    /// Connects a device; answers once it is let in.
    async fn connect(&self, device: &str) -> Self::Device;
}

/// The ids of the devices that can connect: those of more than letters mean something to a bus or a topic.
pub const DEVICES: &[&str] = &["dev", "dev2", "dev.2", "dev~2%2F+x_-"];

/// A device that is connected.
#[async_trait]
pub trait Device: Send {
    /// Subscribes to its commands, and waits for the answer.
    async fn subscribe(&mut self, qos: u8);
    /// The next command: subfolder and payload. Fails after five seconds.
    async fn take(&mut self) -> (String, Bytes);
    /// Acknowledges the one taken last.
    async fn acknowledge(&mut self);
}

/// One test for each case of the contract. `$make` is an `async fn` that answers a [`Subject`].
#[macro_export]
macro_rules! command_channel_suite {
    ($make:path) => {
        $crate::command_channel_suite! { $make:
            a_device_that_is_not_there_is_not_connected
            a_device_that_did_not_subscribe_is_not_subscribed
            a_command_arrives_as_it_was_sent_and_is_answered_by_the_devices_own_acknowledgement
            at_qos_0_a_command_is_delivered_and_no_more_is_known
            a_command_that_is_not_acknowledged_times_out
            a_device_that_leaves_with_a_command_in_hand_is_lost
            the_newest_connection_of_a_device_has_its_commands
            commands_go_to_the_device_they_are_for
            a_hint_to_nobody_is_no_error
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::command_channel::$case($make().await).await;
            }
        )*
    };
}

fn command(subfolder: &str, data: impl Into<Bytes>) -> Command {
    Command { id: None, subfolder: subfolder.into(), data: data.into() }
}

/// Delivers to `device`, within the limit.
async fn deliver(subject: &impl Subject, device: &str, command: Command) -> Delivery {
    let began = Instant::now();
    let delivery = subject.channel().deliver(&subject.key(device), command).await.unwrap();
    assert!(began.elapsed() < subject.limit() + SLACK, "{delivery:?} after {:?}", began.elapsed());
    delivery
}

async fn subscribed<S: Subject>(subject: &S, device: &str) -> S::Device {
    let mut connected = subject.connect(device).await;
    connected.subscribe(1).await;
    connected
}

/// Before its first connection, and after its last.
pub async fn a_device_that_is_not_there_is_not_connected(subject: impl Subject) {
    assert_eq!(deliver(&subject, "dev", command("", "x")).await, Delivery::NotConnected);
    drop(subscribed(&subject, "dev").await);
    let began = Instant::now();
    while deliver(&subject, "dev", command("", "x")).await != Delivery::NotConnected {
        // A command that meets a session on its way out may wait its whole time.
        assert!(began.elapsed() < Duration::from_secs(5) + subject.limit(), "it left {:?} ago", began.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Connected is not enough.
pub async fn a_device_that_did_not_subscribe_is_not_subscribed(subject: impl Subject) {
    let _device = subject.connect("dev").await;
    assert_eq!(deliver(&subject, "dev", command("", "x")).await, Delivery::NotSubscribed);
}

/// With and without a subfolder, empty, any bytes, as large as may be.
pub async fn a_command_arrives_as_it_was_sent_and_is_answered_by_the_devices_own_acknowledgement(subject: impl Subject) {
    let mut device = subscribed(&subject, "dev").await;
    let all: Vec<u8> = (0..=255).collect();
    let largest = all.repeat(64 * 1024 / 256);
    for (subfolder, data) in [("", b"on".to_vec()), ("deep/down", all), ("e", Vec::new()), ("ä日😀", b"u".to_vec()), ("l", largest)] {
        let taken = async {
            let taken = device.take().await;
            device.acknowledge().await;
            taken
        };
        let (delivery, taken) = tokio::join!(deliver(&subject, "dev", command(subfolder, data.clone())), taken);
        assert_eq!(delivery, Delivery::Acknowledged, "{subfolder}");
        assert!(taken == (subfolder.to_owned(), data.into()), "{} bytes in `{}` arrived", taken.1.len(), taken.0);
    }
}

/// Nobody waits for what cannot come.
pub async fn at_qos_0_a_command_is_delivered_and_no_more_is_known(subject: impl Subject) {
    let mut device = subject.connect("dev").await;
    device.subscribe(0).await;
    assert_eq!(deliver(&subject, "dev", command("", "x")).await, Delivery::Delivered);
    assert_eq!(device.take().await, (String::new(), "x".into()));
}

/// And the next one finds the device as before.
pub async fn a_command_that_is_not_acknowledged_times_out(subject: impl Subject) {
    let mut device = subscribed(&subject, "dev").await;
    assert_eq!(deliver(&subject, "dev", command("", "x")).await, Delivery::TimedOut);
    assert_eq!(device.take().await.1, "x");
    device.acknowledge().await;
    let taken = async {
        assert_eq!(device.take().await.1, "y");
        device.acknowledge().await;
    };
    assert_eq!(tokio::join!(deliver(&subject, "dev", command("", "y")), taken).0, Delivery::Acknowledged);
}

/// The caller hears of it before the time is over.
pub async fn a_device_that_leaves_with_a_command_in_hand_is_lost(subject: impl Subject) {
    let mut device = subscribed(&subject, "dev").await;
    let leaving = async {
        device.take().await;
        drop(device);
    };
    let began = Instant::now();
    assert_eq!(tokio::join!(deliver(&subject, "dev", command("", "x")), leaving).0, Delivery::Lost);
    assert!(began.elapsed() < subject.limit(), "{:?}", began.elapsed());
}

/// The older one is over.
pub async fn the_newest_connection_of_a_device_has_its_commands(subject: impl Subject) {
    let _older = subscribed(&subject, "dev").await;
    let mut newer = subscribed(&subject, "dev").await;
    let taken = async {
        let taken = newer.take().await;
        newer.acknowledge().await;
        taken
    };
    let (delivery, taken) = tokio::join!(deliver(&subject, "dev", command("", "x")), taken);
    assert_eq!((delivery, taken.1), (Delivery::Acknowledged, Bytes::from("x")));
}

/// All at once, to names that are alike.
pub async fn commands_go_to_the_device_they_are_for(subject: impl Subject) {
    let mut devices = Vec::new();
    for name in DEVICES {
        devices.push((name, subscribed(&subject, name).await));
    }
    let deliveries = futures_util::future::join_all(DEVICES.iter().map(|name| deliver(&subject, name, command("", *name))));
    let taken = futures_util::future::join_all(devices.iter_mut().map(async |(name, device)| {
        assert_eq!(device.take().await.1, **name);
        device.acknowledge().await;
    }));
    let (deliveries, _) = tokio::join!(deliveries, taken);
    assert_eq!(deliveries, vec![Delivery::Acknowledged; DEVICES.len()]);
}

/// It changes nothing, for nobody.
pub async fn a_hint_to_nobody_is_no_error(subject: impl Subject) {
    subject.channel().hint(&subject.key("dev")).await.unwrap();
    let _device = subject.connect("dev").await;
    subject.channel().hint(&subject.key("dev2")).await.unwrap();
}
