//! MQTT over WebSocket, as behind Cloud Run: TLS by somebody else, HTTP alone behind it, and sessions that end at an age.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_proxy::ChaosProxy;
use e2e_tests::{Arrival, Paho, PahoOptions, Scene, Sensors, TlsProxy, device_token, judge, setting, wait_until};
use stage::{ADMIN_TOKEN, Administrator, Cloud, CloudOptions, DeviceId, Node, Shim, ShimOptions, Tail};

const PROJECT: &str = "e2e-websocket";
const REGISTRY: &str = "greenhouse";
const TOPIC: &str = "readings";
const READINGS: u64 = 3_000;
const SENSORS: u64 = 4;
/// Between two readings of one sensor: they must outlast several sessions.
const PAUSE: Duration = Duration::from_millis(15);
/// A session lives 2 to 3 s.
const MAX_SESSION_SECS: &str = "3";
/// The drain of a node, as for Cloud Run, which kills 10 s after SIGTERM.
const DRAIN_SECS: &str = "4";
const PATIENCE: Duration = Duration::from_secs(60);

/// A bridge with HTTP alone, and the registry beside it; started again with the records it left.
fn node(scene: &Scene, data: &Path) -> Result<Node> {
    let program = PathBuf::from(setting("DRAWBRIDGE_TEST_FUNCTION")?);
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "bridge,device-registry"),
        ("DRAWBRIDGE_RECORDS", &format!("sled:{}", data.join("records").display())),
        ("DRAWBRIDGE_PUBLISHER", &format!("log:{}", data.join("topics").display())),
        ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
        ("DRAWBRIDGE_MAX_SESSION_SECS", MAX_SESSION_SECS),
        ("DRAWBRIDGE_DRAIN_SECS", DRAIN_SECS),
    ];
    Node::start(&program, &scene.dir, "node", &variables)
}

fn shim(scene: &Scene, device: &DeviceId, dir: &Path, bridge: String, ca: Option<PathBuf>) -> Result<Shim> {
    Shim::configure(dir, device, &ShimOptions { bridge, ca, link: "keepalive_secs = 4\nack_timeout_secs = 5".into() })?;
    Shim::start(&scene.binaries, dir)
}

fn arrivals(tail: &mut Tail) -> Result<Vec<Arrival>> {
    Ok(tail.take(Duration::from_millis(50))?.into_iter().map(Arrival::from).collect())
}

#[test]
fn nothing_is_lost_or_doubled_while_sessions_end_at_an_age_and_the_bridge_stops() -> Result<()> {
    Scene::play("websocket-ages", |scene| {
        let data = scene.folder("cloud")?;
        let mut bridge = node(scene, &data)?;
        let administrator = Administrator { http: bridge.http, project: PROJECT.into() };
        administrator.create_registry(REGISTRY, TOPIC)?;
        let dir = scene.folder("device")?;
        let device = administrator.create_device(REGISTRY, "pi-1", &Shim::keygen(&scene.binaries, &dir)?)?;
        // What a balancer is to devices: a front that leads to a living instance.
        let front = ChaosProxy::to(bridge.http)?;
        let shim = shim(scene, &device, &dir, format!("ws://{}/mqtt", front.addr()), None)?;
        let topic = format!("projects/{PROJECT}/topics/{TOPIC}");
        let mut tail = Tail::follow_in(&scene.binaries.drawbridge, &data, &topic, &scene.dir.join("tail.log"))?;

        let sensors = Sensors::start(shim.http, READINGS, SENSORS, PAUSE);
        wait_until("readings", PATIENCE, || Ok(sensors.accepted() >= READINGS * 2 / 3))?;
        let status = shim.status()?;
        ensure!(status["link"]["connects"].as_u64() >= Some(3) && status["link"]["losses"] == 0, "several sessions, no loss: {status}");
        let log = fs::read_to_string(shim.process.log())?;
        ensure!(log.contains("ended the session in order") && !log.contains("WARN"), "{log}");

        let began = Instant::now();
        let stopped = bridge.process.stop()?;
        ensure!(stopped.success() && began.elapsed() < Duration::from_secs(10), "{stopped} after {:?}", began.elapsed());
        bridge = node(scene, &data)?;
        front.retarget(bridge.http)?;
        let unsure = sensors.finish()?;
        let ledger = judge("pi-1", READINGS, &unsure, || arrivals(&mut tail))?;
        let connects = shim.status()?["link"]["connects"].as_u64().context("no count of connects")?;
        println!("{READINGS} readings over {connects} sessions, {} duplicates", ledger.duplicates);
        // Every session ended in order, so all that was taken was acknowledged.
        assert_eq!(ledger.duplicates, 0);
        bridge.process.stop()?;
        Ok(())
    })
}

#[test]
fn the_shim_and_paho_come_through_a_tls_proxy_to_the_http_port() -> Result<()> {
    const EACH: u64 = 300;
    Scene::play("websocket-tls", |scene| {
        let cloud = Cloud::start(&scene.binaries, &scene.dir, &CloudOptions::local(PROJECT))?;
        cloud.create_registry(REGISTRY, TOPIC)?;
        let proxy = TlsProxy::before(cloud.http, &cloud.data, &scene.dir.join("tls_proxy.log"))?;
        let mut tail = Tail::follow(&scene.binaries.drawbridge, &cloud, TOPIC, &scene.dir.join("tail.log"))?;
        let dirs = [scene.folder("device")?, scene.folder("paho")?];
        let device = cloud.create_device(REGISTRY, "pi-1", &Shim::keygen(&scene.binaries, &dirs[0])?)?;
        let visitor = cloud.create_device(REGISTRY, "paho", &Shim::keygen(&scene.binaries, &dirs[1])?)?;

        let token = device_token(&Shim::private_key_file(&dirs[1]), PROJECT, Duration::from_secs(600))?;
        let mqtts = ([127, 0, 0, 1], proxy.port).into();
        let options = PahoOptions { mqtts, ca: &cloud.ca, device: &visitor, token: &token, websocket: Some("/mqtt"), count: EACH };
        let paho = Paho::start(&options, &scene.dir.join("paho.log"))?;
        let shim = shim(scene, &device, &dirs[0], format!("wss://127.0.0.1:{}/mqtt", proxy.port), Some(cloud.ca.clone()))?;
        let unsure = Sensors::start(shim.http, EACH, SENSORS, Duration::ZERO).finish()?;

        let report = paho.finish()?;
        assert_eq!((&report["acknowledged"], report["configs"].as_array().map(Vec::len)), (&EACH.into(), Some(1)), "{report}");
        let mut from_paho = 0;
        judge("pi-1", EACH, &unsure, || {
            let arrived = arrivals(&mut tail)?;
            from_paho += arrived.iter().filter(|a| a.device == "paho").count();
            Ok(arrived)
        })?;
        assert_eq!(from_paho, EACH as usize, "all of paho's, once");
        let log = fs::read_to_string(shim.process.log())?;
        ensure!(!log.contains("WARN"), "{log}");
        Ok(())
    })
}
