//! `drawbridge`: what a person types.
//!
//! Exit codes: 0 done, 64 a flag or variable is wrong, 1 anything else.

mod environment;
mod tail;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Cloud IoT Core in your own account: a device registry, an MQTT and HTTP bridge, telemetry in Pub/Sub.
#[derive(Parser)]
#[command(name = "drawbridge", version, after_help = "Start with `drawbridge up`; it prints what to try next.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all functions and the bridge in this process.
    Up(Box<up::Args>),
    /// Follow a topic of the local topic log.
    Tail(tail::Args),
}

/// `EX_USAGE` of sysexits.h: the caller asked for something that cannot be.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    if let Err(unknown) = environment::check(std::env::vars_os()) {
        eprintln!("drawbridge: {unknown}");
        return ExitCode::from(EXIT_USAGE);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help and version through the same door; those are no error.
            let _closed = e.print();
            return if e.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let done = match cli.command {
        Command::Up(args) => up::run(*args),
        Command::Tail(args) => tail::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("drawbridge: {e:#}");
            ExitCode::FAILURE
        }
    }
}
