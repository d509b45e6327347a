//! Keeps every acknowledged reading until the cloud has it.

use std::process::ExitCode;

use clap::Parser as _;
use device_shim::cli::{Args, Command};
use device_shim::{cli, config, doctor, download, keygen, metadata, send, status, upload};

fn main() -> ExitCode {
    let args = Args::parse();
    match args.command {
        Command::Run { config } => cli::run(&config),
        Command::Send(options) => send::main(&options),
        Command::Status { config, json } => status::main(&config, json),
        Command::Doctor { config } => doctor::main(&config),
        Command::Download(options) => download::main(&options),
        Command::Upload(options) => upload::main(&options),
        Command::Keygen(options) => keygen::main(&options),
        Command::Token(options) => cli::token(&options),
        Command::ServeMetadata(options) => metadata::main(&options),
        Command::Config { example: _ } => cli::print(config::EXAMPLE),
    }
}
