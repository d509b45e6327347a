//! What a person types.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::access_token::{AccessToken, AccessTokenError, TokenClient, Wish};
use crate::clock::{CloudClock, system_wall};
use crate::config::Config;
use crate::download::DownloadOptions;
use crate::identity::Identity;
use crate::metadata::MetadataOptions;
use crate::run::run as run_shim;
use crate::upload::UploadOptions;

/// Exit code of a configuration that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;
/// Where the configuration is unless told otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/drawbridge/shim.toml";

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
    /// Send a file into the cloud, whole and verified; sends it again when it is cut off.
    Upload(UploadOptions),
    /// Make the device's key pair; the private key stays here.
    Keygen(KeygenOptions),
    /// Print a token of the device: the JWT that other clients connect with, or with --scope an OAuth 2.0 access token.
    Token(TokenOptions),
    /// Give programs on this device access tokens as the metadata server of a Compute Engine machine does.
    ServeMetadata(MetadataOptions),
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

/// Options of `token`.
#[derive(Debug, ClapArgs)]
pub struct TokenOptions {
    /// Configuration file; its `cloud` is where the token service is.
    #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Print an access token for these OAuth 2.0 scopes, separated by spaces, instead of the JWT.
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// The service account to act as; without, the device itself.
    #[arg(long, value_name = "EMAIL", requires = "scope")]
    pub service_account: Option<String>,
    /// Print JSON: `access_token`, `expires_in` in seconds, `token_type`.
    #[arg(long, requires = "scope")]
    pub json: bool,
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
    log_to_stderr();
    warn_of_clear(&config);
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

/// The log of a verb that goes on; `RUST_LOG` says how much.
pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).init();
}

/// What `allow_unencrypted` lets happen, once at the start.
pub(crate) fn warn_of_clear(config: &Config) {
    for address in &config.in_clear {
        tracing::warn!("`allow_unencrypted`: the device's token goes to {address} in clear, keep to a network of your own");
    }
}

async fn until_stopped(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    Ok(run_shim(config, stop_signal()?).await?)
}

/// Cancelled by SIGTERM and Ctrl-C.
pub(crate) fn stop_signal() -> std::io::Result<CancellationToken> {
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
    Ok(stop)
}

/// `drawbridge-shim token`.
#[must_use]
pub fn token(options: &TokenOptions) -> ExitCode {
    let config = match Config::load(&options.config) {
        Ok(config) => config,
        Err(error) => return fail(EXIT_USAGE, &error),
    };
    match &options.scope {
        None => jwt(config),
        Some(scope) => {
            let wish = Wish { scope: scope.clone(), service_account: options.service_account.clone() };
            match access_token(config, &wish) {
                Ok(token) if options.json => print(&format!("{:#}\n", token.to_json())),
                Ok(token) => print(&format!("{}\n", token.reveal())),
                Err(error) if error.is_usage() => fail(EXIT_USAGE, &error),
                Err(error) => fail(1, &error),
            }
        }
    }
}

fn access_token(config: Config, wish: &Wish) -> Result<AccessToken, AccessTokenError> {
    let client = TokenClient::new(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| AccessTokenError::Setup(e.to_string()))?.block_on(client.fetch(wish))
}

fn jwt(config: Config) -> ExitCode {
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
