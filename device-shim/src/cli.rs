//! What a person types.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::clock::{CloudClock, system_wall};
use crate::config::Config;
use crate::download::DownloadOptions;
use crate::identity::Identity;
use crate::run::run as run_shim;

/// Exit code of a configuration that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;
/// Where the configuration is unless told otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/drawbridge-shim/shim.toml";

/// Keeps every acknowledged reading until the cloud has it.
#[derive(Debug, Parser)]
#[command(name = "drawbridge-shim", version, about)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take readings and deliver them, until stopped by SIGTERM or Ctrl-C.
    Run {
        /// Configuration file; `drawbridge-shim config --example` prints one.
        #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Hand readings to the running shim; says how many it made durable.
    Send(SendOptions),
    /// Show how the running shim is doing.
    Status {
        /// Configuration file of the running shim.
        #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check key, configuration and connection step by step, and say what to do next.
    Doctor {
        /// Configuration file.
        #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Fetch a file of the cloud, whole and verified; goes on where it was cut off.
    Download(DownloadOptions),
    /// Make the device's key pair; the private key stays here.
    Keygen(KeygenOptions),
    /// Print a token of the device, for trials with other clients.
    Token {
        /// Configuration file.
        #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Print a commented configuration with every key.
    Config {
        /// Print the example; there is nothing else to print.
        #[arg(long, required = true)]
        example: bool,
    },
}

/// Options of `send`.
#[derive(Debug, ClapArgs)]
pub struct SendOptions {
    /// Configuration file of the running shim; tells where its socket is.
    #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Unix socket of the running shim, instead of the configuration's.
    #[arg(long, env = "DRAWBRIDGE_SHIM_SOCKET")]
    pub socket: Option<PathBuf>,
    /// Subfolder of the events, such as `alerts/fire`.
    #[arg(long, default_value = "", conflicts_with = "state")]
    pub subfolder: String,
    /// Report state instead of an event.
    #[arg(long)]
    pub state: bool,
    /// Each line is a reading, instead of the whole input.
    #[arg(long)]
    pub lines: bool,
    /// Read this file instead of standard input.
    #[arg(long)]
    pub file: Option<PathBuf>,
}

/// Options of `keygen`.
#[derive(Debug, ClapArgs)]
pub struct KeygenOptions {
    /// How the key signs.
    #[arg(long, value_enum, default_value_t = KeyAlgorithm::Es256)]
    pub algorithm: KeyAlgorithm,
    /// Make a self-signed certificate instead of a bare public key.
    #[arg(long)]
    pub x509: bool,
    /// Days the certificate is valid.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub days: u32,
    /// An existing folder (the files are then called `device`), or the path of the files without ending.
    #[arg(long, default_value = "device")]
    pub out: PathBuf,
}

/// Algorithms that Cloud IoT Core took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256: small and fast.
    Es256,
    /// RSA with 2048 bits.
    Rs256,
}

/// `drawbridge-shim run`.
#[must_use]
pub fn run(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return fail(EXIT_USAGE, &error),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &error),
    };
    let ended = runtime.block_on(until_stopped(config));
    // A local connection that does not end must not hold up the stop.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &error),
    }
}

async fn until_stopped(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        on_signal.cancel();
    });
    Ok(run_shim(config, stop).await?)
}

/// `drawbridge-shim token`.
#[must_use]
pub fn token(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return fail(EXIT_USAGE, &error),
    };
    let identity = match Identity::load(config.device, &config.private_key, config.link.token_life) {
        Ok(identity) => identity,
        Err(error) => return fail(1, &error),
    };
    match identity.token(&CloudClock::new(system_wall())) {
        Ok(token) => print(&format!("{token}\n")),
        Err(error) => fail(1, &error),
    }
}

/// Prints `text` to standard output; a closed pipe is no error.
#[must_use]
pub fn print(text: &str) -> ExitCode {
    let _closed = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says why on standard error.
pub(crate) fn fail(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    let _closed = writeln!(std::io::stderr(), "drawbridge-shim: {why}");
    ExitCode::from(code)
}
