//! What `infra/images/Containerfile` says, for who makes the image without an engine: one recipe, two ways to cook it.

use anyhow::{Result, bail, ensure};

/// What stands above its base, for one machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recipe {
    /// Files of `target/package`, and where each goes.
    pub(super) copies: Vec<(String, String)>,
    /// The image's configuration, as words of `umoci config`.
    pub(super) config: Vec<String>,
}

impl Recipe {
    /// Reads `text` for the machine that Debian, as container engines, calls `machine`.
    pub(super) fn read(text: &str, machine: &str) -> Result<Self> {
        let mut recipe = Self::default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let line = line.replace("${TARGETARCH}", machine);
            let (instruction, words) = line.split_once(' ').unwrap_or((&line, ""));
            recipe.take(instruction, words.trim())?;
        }
        Ok(recipe)
    }

    fn take(&mut self, instruction: &str, words: &str) -> Result<()> {
        let name = match instruction {
            // The base is the C library, which is taken from where the program's linker found it.
            "FROM" | "ARG" => return Ok(()),
            "COPY" => {
                let Some((from, to)) = words.split_once(' ') else { bail!("COPY takes a file and a place, not `{words}`") };
                self.copies.push((from.to_owned(), to.trim_start_matches('/').to_owned()));
                return Ok(());
            }
            "ENTRYPOINT" => {
                let program: Vec<String> = serde_json::from_str(words)?;
                ensure!(program.len() == 1, "an entry point of one word, not `{words}`");
                self.config.extend(["--config.entrypoint".into(), program.concat()]);
                return Ok(());
            }
            "ENV" => "--config.env",
            "EXPOSE" => "--config.exposedports",
            "LABEL" => "--config.label",
            "STOPSIGNAL" => "--config.stopsignal",
            "USER" => "--config.user",
            _ => bail!("`{instruction} {words}` of the Containerfile cannot be done without an engine"),
        };
        self.config.extend([name.to_owned(), words.to_owned()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_the_containerfile_says_is_what_is_made() {
        let recipe = Recipe::read(include_str!("../../../../infra/images/Containerfile"), "arm64").unwrap();
        assert!(recipe.copies.contains(&("drawbridge-function-arm64".into(), "drawbridge-function".into())));
        let config = recipe.config.join(" ");
        for said in ["--config.user 65532:65532", "--config.entrypoint /drawbridge-function", "--config.stopsignal SIGTERM"] {
            assert!(config.contains(said), "{config}");
        }
    }

    #[test]
    fn what_needs_an_engine_is_refused() {
        let refused = Recipe::read("FROM a\nRUN apt-get update", "amd64").unwrap_err().to_string();
        assert_eq!(refused, "`RUN apt-get update` of the Containerfile cannot be done without an engine");
    }
}
