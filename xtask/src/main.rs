//! Every routine of the project: `cargo xtask help` lists them.

mod args;
mod bench;
mod check;
mod demo;
mod emulator;
mod interrupt;
mod package;
mod python_server;
mod shell;
mod terraform;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::Result;

const HELP: &str = "\
Every routine of the project, from one place.

Usage: cargo xtask COMMAND [FLAGS]        (cargo xtask COMMAND --help for each)

  demo       from a reading on a device to a topic, through an outage: needs Rust and nothing else
  test       installs what the tests need, starts the real parts, runs every test, stops what it started
  check      what a change must pass besides its tests: format, lints, bans, documents, numbers
  package    what is shipped: programs, .deb, bills of materials, checksums
  terraform  what is rented at Google and AWS: format, schema, plan tests, applies, deliberate mistakes
  fmt        formats the whole tree
  bench      each benchmark beside its peers in one run
  help       this text

New here? Run `cargo xtask demo`. Before you hand in a change: `cargo xtask check` and `cargo xtask test`.";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_else(|| "help".into());
    match run(&command, words.collect()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, flags: Vec<String>) -> Result<ExitCode> {
    match command {
        "demo" => demo::run(flags),
        "test" => test::run(flags),
        "check" => check::run(flags),
        "bench" => bench::run(flags),
        "package" => package::run(flags),
        "terraform" => terraform::run(flags),
        "fmt" => interrupt::listen().and_then(|()| shell::cargo(&["fmt", "--all"])).map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(args::usage(format!("no command `{unknown}`; there are demo, test, check, terraform, fmt, bench, package, help"))),
    }
}
