//! Three servers of one cluster: whichever of them ends, commands go on.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code, reason = "a test fails by panicking")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use domain::ports::{CommandChannel as _, Delivery};
use infra_nats::Nats;
use stage::{NatsServer, free_address};
use support::{Device, command, connected_to, eventually, key, options};
use tempfile::TempDir;

/// Within what time commands go on after a server ended: a client finds another one at once, and all learn of it.
const HEALED_WITHIN: Duration = Duration::from_secs(10);
/// Devices on the two nodes.
const DEVICES: usize = 8;

struct Cluster {
    servers: Vec<NatsServer>,
    _folders: Vec<TempDir>,
}

impl Cluster {
    fn of_three() -> Self {
        let program = NatsServer::program_from_env().unwrap();
        let routes: Vec<SocketAddr> = (0..3).map(|_| free_address().unwrap()).collect();
        let named = routes.iter().map(|addr| format!("nats-route://{addr}")).collect::<Vec<_>>().join(", ");
        let folders: Vec<_> = routes.iter().map(|_| tempfile::tempdir().unwrap()).collect();
        let started = folders.iter().zip(&routes).enumerate().map(|(n, (folder, route))| {
            let config = format!("server_name: n{n}\ncluster {{ name: devices, listen: \"{route}\", routes: [{named}] }}\n");
            NatsServer::configured(&program, folder.path(), &config).unwrap()
        });
        Self { servers: started.collect(), _folders: folders }
    }

    /// A process that knows all three.
    async fn node(&self, number: u64) -> Nats {
        let servers = self.servers.iter().map(NatsServer::url).collect();
        connected_to(options(servers, number)).await
    }
}

/// Every device acknowledges a command, however often it takes to ask.
async fn all_answer(function: &Nats, data: &str) {
    let answered = async {
        for n in 0..DEVICES {
            let key = key(&format!("dev-{n}"));
            while function.deliver(&key, command(data)).await.ok() != Some(Delivery::Acknowledged) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(HEALED_WITHIN, answered).await.unwrap_or_else(|_| panic!("{data}: not within {HEALED_WITHIN:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_of_three_servers_ends_commands_go_on_without_it() {
    let mut cluster = Cluster::of_three();
    let (function, nodes) = (cluster.node(0).await, [cluster.node(1).await, cluster.node(2).await]);
    let device = Device::that_answers(Delivery::Acknowledged);
    let mut seats = Vec::new();
    for n in 0..DEVICES {
        seats.push(device.enter(&nodes[n % 2], &key(&format!("dev-{n}"))).await);
    }
    all_answer(&function, "before").await;
    for gone in 0..3 {
        cluster.servers[gone].kill().unwrap();
        all_answer(&function, &format!("without n{gone}")).await;
        cluster.servers[gone].restart().unwrap();
        all_answer(&function, &format!("with n{gone} again")).await;
    }
    let lost: u64 = nodes.iter().chain([&function]).map(|node| node.counters().lost).sum();
    assert!(lost >= 3, "each of the three processes lost its server once, {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_server_left_of_three_commands_go_on() {
    let mut cluster = Cluster::of_three();
    let (function, nodes) = (cluster.node(0).await, [cluster.node(1).await, cluster.node(2).await]);
    let device = Device::that_answers(Delivery::Acknowledged);
    let mut seats = Vec::new();
    for n in 0..DEVICES {
        seats.push(device.enter(&nodes[n % 2], &key(&format!("dev-{n}"))).await);
    }
    cluster.servers[0].kill().unwrap();
    cluster.servers[1].kill().unwrap();
    all_answer(&function, "on the last").await;
    eventually("all are there", || nodes.iter().all(Nats::is_up)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_session_wins_whichever_server_its_node_is_on() {
    let cluster = Cluster::of_three();
    let mut nodes = Vec::new();
    for number in 0..6 {
        nodes.push(cluster.node(number).await);
    }
    let mut sessions: Vec<(std::sync::Arc<Device>, Box<dyn Send + Sync>)> = Vec::new();
    for node in &nodes {
        let device = Device::that_answers(Delivery::Acknowledged);
        let seat = device.enter(node, &key("dev")).await;
        sessions.push((device, seat));
        let (_, older) = sessions.split_last().unwrap();
        eventually("the older ones end", || older.iter().all(|(device, _)| device.was_taken_over())).await;
    }
    assert!(!sessions.last().unwrap().0.was_taken_over());
}
