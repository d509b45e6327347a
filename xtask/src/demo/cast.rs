//! Who plays: the cloud side, a device, the line between them, and who reads the topic.

use std::path::Path;

use anyhow::Result;
use chaos_proxy::ChaosProxy;
use stage::{Binaries, Cloud, CloudOptions, DeviceId, Shim, ShimOptions, Tail};

pub(super) const PROJECT: &str = "demo";
pub(super) const TOPIC: &str = "readings";
const REGISTRY: &str = "greenhouse";
const DEVICE: &str = "raspberry-pi";

/// A second device with the same key, so that what a person tries does not displace the shim.
const VISITOR: &str = "visitor";

/// All processes of the demo. They end with it, the shim first.
pub(super) struct Cast {
    pub(super) tail: Tail,
    pub(super) shim: Shim,
    pub(super) line: ChaosProxy,
    pub(super) cloud: Cloud,
    pub(super) device: DeviceId,
    pub(super) visitor: DeviceId,
    pub(super) binaries: Binaries,
}

impl Cast {
    /// Starts everything and registers the device with a key it made itself.
    pub(super) fn gather(binaries: Binaries, dir: &Path) -> Result<Self> {
        let cloud = Cloud::start(&binaries, dir, &CloudOptions::local(PROJECT))?;
        let public_key = Shim::keygen(&binaries, dir)?;
        cloud.create_registry(REGISTRY, TOPIC)?;
        let device = cloud.create_device(REGISTRY, DEVICE, &public_key)?;
        let visitor = cloud.create_device(REGISTRY, VISITOR, &public_key)?;
        let line = ChaosProxy::to(cloud.mqtt)?;
        let bridge = format!("mqtt://{}", line.addr());
        Shim::configure(dir, &device, &ShimOptions { bridge, ca: None, link: String::new() })?;
        let shim = Shim::start(&binaries, dir)?;
        let tail = Tail::follow(&binaries.drawbridge, &cloud, TOPIC, &dir.join("tail.log"))?;
        Ok(Self { tail, shim, line, cloud, device, visitor, binaries })
    }

    /// `Ok` while all are running.
    pub(super) fn check_running(&mut self) -> Result<()> {
        self.cloud.process.check_running()?;
        self.shim.process.check_running()
    }
}
