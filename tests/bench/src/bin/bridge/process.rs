//! The servers under test as processes: start, what they cost, stop by id.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::server::CHILD;
use crate::{FILES, Plan};

const MOSQUITTO: &str = "/usr/sbin/mosquitto";

/// A server under test. Stopped when dropped.
pub(crate) struct Server {
    child: Child,
    /// Plain MQTT.
    pub(crate) tcp: SocketAddr,
    /// MQTT over TLS.
    pub(crate) tls: SocketAddr,
    /// Its configuration, which must outlive it.
    _config: Option<tempfile::TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing worth a graceful stop.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Server {
    /// The bridge with `devices` devices and a sink that takes `delay_ms` per batch.
    pub(crate) fn bridge(plan: &Plan, devices: usize, delay_ms: u64) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CHILD).args([devices.to_string(), delay_ms.to_string()]);
        command.args(["device.pem", "server.crt", "server.key"].map(|f| plan.keys.file(f)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        let mut ports = line.split_whitespace().map(str::parse);
        let (Some(Ok(tcp)), Some(Ok(tls))) = (ports.next(), ports.next()) else { bail!("the bridge did not start: `{line}`") };
        Ok(Self { child, tcp, tls, _config: None })
    }

    /// Debian's mosquitto: everybody may come in, nothing is kept.
    pub(crate) fn mosquitto(plan: &Plan) -> Result<Self> {
        ensure!(Path::new(MOSQUITTO).exists(), "{MOSQUITTO} is not there: apt-get install mosquitto");
        let (tcp, tls) = (free_address()?, free_address()?);
        let dir = tempfile::tempdir()?;
        let text = format!(
            "persistence false\nlog_type none\nallow_anonymous true\nset_tcp_nodelay true\nuser root\n\
             listener {} 127.0.0.1\nmax_connections -1\n\
             listener {} 127.0.0.1\nmax_connections -1\ncertfile {}\nkeyfile {}\ntls_version tlsv1.3\n",
            tcp.port(),
            tls.port(),
            plan.keys.file("server.crt").display(),
            plan.keys.file("server.key").display(),
        );
        let file = dir.path().join("mosquitto.conf");
        std::fs::write(&file, text)?;
        let child = Command::new(MOSQUITTO).arg("-c").arg(&file).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { child, tcp, tls, _config: Some(dir) };
        let start = Instant::now();
        while TcpStream::connect(tls).is_err() {
            ensure!(start.elapsed() < Duration::from_secs(10), "mosquitto did not listen on {tls} within 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Processor time since its start, user and system, to the nanosecond where the kernel keeps that.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut nanos = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
        if nanos > 0 { Ok(Duration::from_nanos(nanos)) } else { self.cpu_ticks() }
    }

    fn cpu_ticks(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th fields behind it.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields.get(11).context("stat")?.parse::<u64>()? + fields.get(12).context("stat")?.parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(kib.trim().trim_end_matches(" kB").trim().parse::<f64>()? * 1024.0)
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Runs this program again with `files` descriptors allowed, if fewer are. Answers its exit status.
pub(crate) fn again_with_files(files: u64) -> Result<Option<i32>> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let open = limits.lines().find_map(|l| l.strip_prefix("Max open files")).context("no limit of open files")?;
    let now = open.split_whitespace().next().unwrap_or_default().parse::<u64>().unwrap_or(u64::MAX);
    if now >= files {
        return Ok(None);
    }
    ensure!(std::env::var_os("DRAWBRIDGE_BENCH_AGAIN").is_none(), "{files} open files are needed, {now} are allowed: raise `ulimit -Hn`");
    let script = format!("ulimit -n {FILES} && exec \"$0\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe()?).env("DRAWBRIDGE_BENCH_AGAIN", "1");
    Ok(Some(command.status()?.code().unwrap_or(1)))
}
