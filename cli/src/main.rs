//! `drawbridge`: what a person types.
//!
//! | file | holds |
//! | --- | --- |
//! | `up`, `tail` | the installation on this machine |
//! | `registries` `devices` `gateways` `credentials` `configs` `states` `commands` | one noun each: its verbs, flags and columns |
//! | `apply` | registries and devices as a file says, such as Terraform writes it |
//! | `service_account_key` | a key file for a program that administers the local stack |
//! | `access_tokens` | the five subcommands of Google's sample `accesstoken.py` |
//! | `cost` | what each design costs a month |
//! | `session` | what every verb starts from, and how it answers |
//! | `flags`, `profile`, `environment`, `help` | where settings come from, and how they are taught |
//! | `resource`, `client`, `curl`, `error` | a name, a request about it, and what may come back |
//!
//! Exit codes: 0 done, 64 a flag, variable or file is wrong, 1 anything else.

mod access_tokens;
mod apply;
mod broadcasts;
mod changes;
mod client;
mod commands;
mod completion;
mod configs;
mod cost;
mod credentials;
mod curl;
mod devices;
mod environment;
mod error;
mod flags;
mod gateways;
mod help;
mod key_file;
mod pairs;
mod payload;
mod policies;
mod profile;
mod registries;
mod resource;
mod secret;
mod service_account_key;
mod session;
mod states;
mod table;
mod tail;
mod ttl;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::session::Noun;

/// Cloud IoT Core in your own account: a device registry, an MQTT and HTTP bridge, telemetry in Pub/Sub.
#[derive(Parser)]
#[command(
    name = "drawbridge",
    version,
    max_term_width = 120,
    after_help = "Start with `drawbridge up`; it prints what to try next.
`gcloud iot devices configs update …` is `drawbridge devices configs update …`, or shorter `drawbridge configs update …`."
)]
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
    /// Create, show, list, change and delete registries.
    Registries(Box<Noun<registries::Registries>>),
    /// Create, show, list, change and delete devices.
    Devices(Box<Noun<devices::Devices>>),
    /// Create gateways, and say which devices each may speak for.
    Gateways(Box<Noun<gateways::Gateways>>),
    /// Add, list and delete keys of a device or CA certificates of a registry.
    Credentials(Box<Noun<credentials::Credentials>>),
    /// Update and show configurations of a device.
    Configs(Box<Noun<configs::Configs>>),
    /// List what a device reported as its state.
    States(Box<Noun<states::States>>),
    /// Send commands to devices, now or when they are back.
    Commands(Box<Noun<commands::Commands>>),
    /// Make registries and devices what a file says.
    Apply(Box<apply::Args>),
    /// Write the profile: where the functions are and who asks.
    #[command(subcommand)]
    Profile(profile::Verbs),
    #[command(flatten)]
    AccessTokens(access_tokens::AccessTokens),
    /// Make a key file for a service account of the local stack.
    ServiceAccountKey(service_account_key::Args),
    /// Compare what the designs cost a month.
    Cost(cost::Args),
    /// Print the completion script of a shell.
    Completion(completion::Args),
}

/// `EX_USAGE` of sysexits.h: the caller asked for something that cannot be.
const EXIT_USAGE: u8 = 64;

/// The program with all its flags.
fn program() -> clap::Command {
    Cli::command()
}

fn main() -> ExitCode {
    if let Err(unknown) = environment::check(&program(), std::env::vars_os()) {
        eprintln!("drawbridge: {unknown}");
        return ExitCode::from(EXIT_USAGE);
    }
    let given = help::taught(Cli::command()).try_get_matches_from(access_tokens::in_order(flags::dashed(std::env::args_os())));
    let cli = match given.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(e) => {
            // clap prints help and version through the same door; those are no error.
            let _closed = e.print();
            return if e.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("drawbridge: {e:#}");
            if e.is::<error::Usage>() { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(args) => up::run(*args),
        Command::Tail(args) => tail::run(&args),
        Command::Registries(noun) => noun.run(),
        Command::Devices(noun) => noun.run(),
        Command::Gateways(noun) => noun.run(),
        Command::Credentials(noun) => noun.run(),
        Command::Configs(noun) => noun.run(),
        Command::States(noun) => noun.run(),
        Command::Commands(noun) => noun.run(),
        Command::Apply(args) => apply::run(*args),
        Command::Profile(verb) => verb.run(),
        Command::AccessTokens(tokens) => tokens.run(),
        Command::ServiceAccountKey(args) => service_account_key::run(&args),
        Command::Cost(args) => cost::run(&args),
        Command::Completion(args) => completion::run(&args, Cli::command()),
    }
}
