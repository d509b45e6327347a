//! A gateway made on the command line, and a program as Google's samples were that speaks for the device behind it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e_tests::{Scene, device_token, run_named, setting};
use serde_json::{Value, json};
use stage::{ADMIN_TOKEN, Cloud, CloudOptions, Delivered, Shim, Tail};

const PROJECT: &str = "e2e-gateways";
const TOPIC: &str = "readings";
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the command line as an administrator does.
fn administer(scene: &Scene, cloud: &Cloud, words: &str) -> Result<()> {
    let mut drawbridge = Command::new(&scene.binaries.drawbridge);
    drawbridge
        .args(words.split(' '))
        .env("DRAWBRIDGE_ENDPOINT", format!("http://{}", cloud.http))
        .env("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN);
    drawbridge.env("DRAWBRIDGE_PROJECT", PROJECT).env("DRAWBRIDGE_REGION", "europe-west1").env("DRAWBRIDGE_REGISTRY", "reg");
    run_named(words, &mut drawbridge).map(drop)
}

/// The first message on `topic`.
fn first(scene: &Scene, cloud: &Cloud, topic: &str) -> Result<Delivered> {
    let mut tail = Tail::follow(&scene.binaries.drawbridge, cloud, topic, &scene.dir.join(format!("{topic}.log")))?;
    let began = Instant::now();
    loop {
        if let Some(message) = tail.take(Duration::from_millis(50))?.into_iter().next() {
            return Ok(message);
        }
        ensure!(began.elapsed() < PATIENCE, "nothing on `{topic}` within {PATIENCE:?}");
    }
}

#[test]
fn a_gateway_speaks_for_a_device_that_is_bound_to_it() -> Result<()> {
    Scene::play("gateways", |scene| {
        let cloud = Cloud::start(&scene.binaries, &scene.dir, &CloudOptions::local(PROJECT))?;
        cloud.create_registry("reg", TOPIC)?;
        let keys = scene.folder("gate")?;
        let gate = cloud.create_device("reg", "gate", &Shim::keygen(&scene.binaries, &keys)?)?;
        let settings = json!({"gatewayConfig": {"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"}});
        cloud.admin().json("PATCH", &format!("/v1/{}?updateMask=gatewayConfig", gate.name()), &settings)?.success("making it a gateway")?;
        for words in [
            "devices create meter",
            "devices create stranger",
            "gateways bind --gateway gate --device meter",
            "configs update meter --config-data hot",
        ] {
            administer(scene, &cloud, words)?;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/paho_gateway.py");
        let mut python = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        python
            .arg(script)
            .args(["--host", &cloud.mqtts.ip().to_string(), "--port", &cloud.mqtts.port().to_string(), "--ca"])
            .arg(&cloud.ca);
        python.args(["--client-id", &gate.name(), "--gateway", "gate", "--device", "meter", "--stranger", "stranger"]);
        python.env("DEVICE_TOKEN", device_token(&Shim::private_key_file(&keys), PROJECT, Duration::from_secs(600))?);
        let out = String::from_utf8(run_named("paho_gateway.py", &mut python)?.stdout)?;
        let report: Value = serde_json::from_str(out.lines().last().context("no report")?)?;
        assert_eq!(report["configs"], json!({"/devices/meter/config": "hot", "/devices/gate/config": ""}));
        assert_eq!(report["errors"][0]["error_type"], "GATEWAY_ATTACHMENT_ERROR", "{report}");
        assert_eq!(report["acknowledged"].as_array().map(Vec::len), Some(4), "{report}");
        for (topic, data) in [(TOPIC.to_owned(), "21.5"), (format!("{TOPIC}-state"), "gate/meter-payload-1")] {
            let message = first(scene, &cloud, &topic)?;
            assert_eq!((message.attribute("deviceId"), message.attribute("gatewayId")), ("meter", "gate"));
            assert_eq!(String::from_utf8(message.data)?, data);
        }
        let meter = cloud.device(&stage::DeviceId { device: "meter".into(), ..gate })?;
        assert_eq!(meter["gatewayConfig"]["lastAccessedGatewayId"], "gate", "{meter}");
        Ok(())
    })
}
