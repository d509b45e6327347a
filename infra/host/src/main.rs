//! `drawbridge-function`: chosen functions, or a bridge node, as one process of an installation.

use std::process::ExitCode;

use anyhow::Context as _;
use host::config::{self, Config, Environment, Home};
use host::lambda::{self, LambdaError};
use host::logs;

/// `EX_USAGE` of sysexits.h: the caller asked for something that cannot be.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h" | "help") => {
            println!("{}", config::help());
            return ExitCode::SUCCESS;
        }
        Some("--version" | "-V") => {
            println!("drawbridge-function {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            return refuse(&format!("`{other}` is not known: everything is told by variables; see `drawbridge-function --help`"));
        }
    }
    // A value that is no text is none of ours; a name that is none cannot begin like ours.
    let environment: Environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let config = match Config::read(&environment) {
        Ok(config) => config,
        Err(e) => return refuse(&e.to_string()),
    };
    match run(config) {
        Ok(code) => code,
        Err(e) if is_usage(&e) => refuse(&said(&e)),
        Err(e) => {
            eprintln!("drawbridge-function: {}", said(&e));
            ExitCode::FAILURE
        }
    }
}

/// With its causes, once: the text of our own errors has them.
fn said(e: &anyhow::Error) -> String {
    #[cfg(feature = "full")]
    if e.is::<host::StartError>() {
        return e.to_string();
    }
    if e.is::<LambdaError>() { e.to_string() } else { format!("{e:#}") }
}

fn refuse(text: &str) -> ExitCode {
    eprintln!("drawbridge-function: {text}");
    ExitCode::from(EXIT_USAGE)
}

/// Whether another value of a variable would help.
fn is_usage(e: &anyhow::Error) -> bool {
    #[cfg(feature = "full")]
    if e.downcast_ref::<host::StartError>().is_some_and(host::StartError::is_usage) {
        return true;
    }
    e.is::<logs::LogError>() || e.downcast_ref::<LambdaError>().is_some_and(LambdaError::is_usage)
}

fn run(config: Config) -> anyhow::Result<ExitCode> {
    logs::start(&config.log, config.log_format, config.urls.google_project()).context("DRAWBRIDGE_LOG")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match config.home {
        Home::Lambda(events) => runtime.block_on(lambda::run(config, events))?,
        #[cfg(feature = "full")]
        Home::Server => runtime.block_on(serve(config))?,
        #[cfg(not(feature = "full"))]
        Home::Server => return Ok(refuse("this build is for AWS Lambda, and this is not AWS Lambda: run the container image")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Until a signal ends it.
#[cfg(feature = "full")]
async fn serve(config: Config) -> anyhow::Result<()> {
    let signals = host::signals::Signals::listen()?;
    let running = host::function::start(config).await?;
    signals.until_stop(|| running.reload_certificate()).await;
    running.shut_down().await;
    Ok(())
}
