//! `drawbridge completion`: what a shell needs to complete our words.

use anyhow::Result;
use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// The shells we speak to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  drawbridge completion bash > ~/.local/share/bash-completion/completions/drawbridge
  drawbridge completion zsh > ~/.zfunc/_drawbridge
  drawbridge completion fish > ~/.config/fish/completions/drawbridge.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Kind,
}

pub(crate) fn run(args: &Args, mut program: Command) -> Result<()> {
    let shell = match args.shell {
        Kind::Bash => Shell::Bash,
        Kind::Zsh => Shell::Zsh,
        Kind::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, "drawbridge", &mut script);
    crate::table::print_bytes(&script)
}
