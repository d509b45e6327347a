//! What `--help` teaches: a noun shows all its examples, a verb its own.

use clap::Command;

use crate::{commands, configs, credentials, devices, gateways, registries, states};

/// The examples of each noun: a line that sets what all need, then lines to type; then, after an empty line, a remark.
const TAUGHT: [(&str, &str); 7] = [
    ("registries", registries::EXAMPLES),
    ("devices", devices::EXAMPLES),
    ("gateways", gateways::EXAMPLES),
    ("credentials", credentials::EXAMPLES),
    ("configs", configs::EXAMPLES),
    ("states", states::EXAMPLES),
    ("commands", commands::EXAMPLES),
];

/// The program with its examples.
pub(crate) fn taught(program: Command) -> Command {
    TAUGHT.iter().fold(program, |program, (noun, examples)| program.mut_subcommand(noun, |command| noun_with(command, noun, examples)))
}

fn noun_with(command: Command, noun: &'static str, examples: &'static str) -> Command {
    command.after_help(format!("Examples:\n{examples}")).mut_subcommands(|verb| {
        let name = verb.get_name().to_owned();
        match TAUGHT.iter().find(|(nested, _)| *nested == name) {
            Some((nested, examples)) => noun_with(verb, nested, examples),
            None => verb.after_help(of_verb(examples, &format!("drawbridge {noun} {name} "))),
        }
    })
}

/// The lines of one verb, under the line that sets what they need.
fn of_verb(examples: &str, begin: &str) -> String {
    let (lines, _remark) = examples.split_once("\n\n").unwrap_or((examples, ""));
    let mut its_own = false;
    let kept = lines.lines().filter(|line| {
        let continues = line.starts_with("    ");
        its_own = if continues { its_own } else { format!("{} ", line.trim()).starts_with(begin) };
        its_own || line.trim().starts_with("export ")
    });
    format!("Examples:\n{}", kept.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_shows_its_own_examples_with_their_continued_lines() {
        let shown = of_verb("  export A=b\n  drawbridge x list\n  drawbridge x make 1 \\\n    --more\n\nA remark.", "drawbridge x make ");
        assert_eq!(shown, "Examples:\n  export A=b\n  drawbridge x make 1 \\\n    --more");
    }
}
