//! The cloud side, a device with its shim, and the line between them, which suffers all that a line can suffer.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use chaos_proxy::ChaosProxy;
use stage::{Cloud, CloudOptions, DeviceId, Shim, ShimOptions};

use crate::{Arrival, Ledger, Scene, Sensors, WINDOW, wait_until};

const REGISTRY: &str = "greenhouse";

/// Short limits, so that a silent line is noticed within seconds.
const LINK: &str = "keepalive_secs = 4\nack_timeout_secs = 3\nconnect_timeout_secs = 3";

const SENSORS: u64 = 4;

/// Between two readings of one sensor: the readings must outlast the faults.
const PAUSE: Duration = Duration::from_millis(2);

/// How long all that was accepted may take to arrive once the line is whole.
const DELIVERY_LIMIT: Duration = Duration::from_secs(60);

/// Times that the line or the shim is broken in [`Play::endure`]; each may bring a window of duplicates.
const FAULTS: u64 = 6;

/// One device and its cloud side. Dropped in the order of its fields: the device first.
#[derive(Debug)]
pub struct Play {
    /// The shim's process.
    pub shim: Shim,
    /// Between the two.
    pub line: ChaosProxy,
    /// The cloud side's process.
    pub cloud: Cloud,
    /// The device of the shim.
    pub device: DeviceId,
    shim_dir: PathBuf,
}

impl Play {
    /// Starts both sides, with TLS between them. Events of the device go to `topic`.
    ///
    /// # Errors
    /// When one does not start.
    pub fn begin(scene: &Scene, options: &CloudOptions, topic: &str) -> Result<Self> {
        let cloud = Cloud::start(&scene.binaries, &scene.dir, options)?;
        let shim_dir = scene.folder("device")?;
        let key = Shim::keygen(&scene.binaries, &shim_dir)?;
        cloud.create_registry(REGISTRY, topic)?;
        let device = cloud.create_device(REGISTRY, "pi-1", &key)?;
        let line = ChaosProxy::to(cloud.mqtts)?;
        let (bridge, ca) = (format!("mqtts://{}", line.addr()), Some(cloud.ca.clone()));
        Shim::configure(&shim_dir, &device, &ShimOptions { bridge, ca, link: LINK.into() })?;
        let shim = Shim::start(&scene.binaries, &shim_dir)?;
        Ok(Self { shim, line, cloud, device, shim_dir })
    }

    /// A further device with its own key, and where that key is.
    ///
    /// # Errors
    /// When it is refused.
    pub fn second_device(&self, scene: &Scene, name: &str) -> Result<(DeviceId, PathBuf)> {
        let dir = scene.folder(name)?;
        let key = Shim::keygen(&scene.binaries, &dir)?;
        Ok((self.cloud.create_device(REGISTRY, name, &key)?, Shim::private_key_file(&dir)))
    }

    /// Hands `readings` to the shim while the line is cut, delayed and black-holed, and the shim is killed in the dark.
    /// Returns the readings whose sender got no answer.
    ///
    /// # Errors
    /// When a reading is not taken.
    pub fn endure(&mut self, scene: &Scene, readings: u64) -> Result<BTreeSet<u64>> {
        let sensors = Sensors::start(self.shim.http, readings, SENSORS, PAUSE);
        let reached = |percent: u64| wait_until("readings", DELIVERY_LIMIT, || Ok(sensors.accepted() >= readings * percent / 100));
        reached(10)?;
        self.line.cut();
        reached(25)?;
        self.line.restore();
        reached(30)?;
        self.line.delay(Duration::from_millis(150));
        thread::sleep(Duration::from_secs(2));
        self.line.delay(Duration::ZERO);
        reached(45)?;
        self.line.black_hole();
        reached(50)?;
        self.shim.process.kill()?;
        thread::sleep(Duration::from_millis(500));
        self.shim = Shim::start(&scene.binaries, &self.shim_dir)?;
        sensors.move_to(self.shim.http);
        reached(65)?;
        self.line.restore();
        // In full flight, with nothing wrong but the shim's end.
        reached(75)?;
        self.shim.process.kill()?;
        self.shim = Shim::start(&scene.binaries, &self.shim_dir)?;
        sensors.move_to(self.shim.http);
        for _twice in 0..2 {
            thread::sleep(Duration::from_millis(300));
            self.line.cut();
            thread::sleep(Duration::from_millis(300));
            self.line.restore();
        }
        sensors.finish()
    }
}

/// Follows what arrives from `device` until all is there and a silence after it, then judges it.
///
/// # Errors
/// When something is lost, out of order, or came again from outside the window.
pub fn judge(device: &str, readings: u64, unsure: &BTreeSet<u64>, mut take: impl FnMut() -> Result<Vec<Arrival>>) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut note = |ledger: &mut Ledger| -> Result<usize> {
        let arrived: Vec<_> = take()?.into_iter().filter(|a| a.device == device).collect();
        arrived.iter().try_for_each(|a| ledger.add(a, WINDOW))?;
        Ok(arrived.len())
    };
    let all = |ledger: &Ledger| ledger.distinct() as u64 >= readings;
    let complete = wait_until("delivery", DELIVERY_LIMIT, || note(&mut ledger).map(|_| all(&ledger)));
    // What is missing is said in detail by the judgement.
    if complete.is_ok() {
        let mut quiet = 0;
        while quiet < 10 {
            quiet = if note(&mut ledger)? == 0 { quiet + 1 } else { 0 };
            thread::sleep(Duration::from_millis(50));
        }
    }
    ledger.judge(readings, unsure)?;
    let most = FAULTS * WINDOW;
    anyhow::ensure!(ledger.duplicates <= most, "{} duplicates after {FAULTS} faults; at most {most}", ledger.duplicates);
    Ok(ledger)
}
