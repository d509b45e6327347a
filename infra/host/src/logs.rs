//! What is logged, as who reads it wants it: a person at a terminal, Cloud Logging, CloudWatch, or any program.
//! One line an event, on standard error. Messages of devices make no line: those are counted (`metrics`).

mod lines;

use std::env;
use std::io::{IsTerminal as _, stderr};
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use lines::Lines;

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people; in colours at a terminal.
    Text,
    /// For programs: `time`, `level`, `message`, `target` and the fields.
    Json,
    /// For Cloud Logging: `severity`, `message`, `time` and `logging.googleapis.com/trace`
    /// (cloud.google.com/logging/docs/structured-logging, "Special JSON fields").
    Gcp,
    /// For CloudWatch: `timestamp`, `level`, `message`, `requestId`, as Lambda's own JSON logs
    /// (docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html).
    Aws,
}

impl FromStr for Format {
    type Err = LogError;
    fn from_str(s: &str) -> Result<Self, LogError> {
        match s {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "gcp" => Ok(Self::Gcp),
            "aws" => Ok(Self::Aws),
            other => Err(LogError::Format(other.chars().take(100).collect())),
        }
    }
}

impl Format {
    /// As it suits where this runs: Cloud Run and Lambda set variables of their own.
    fn of_place(is_set: impl Fn(&str) -> bool) -> Self {
        match () {
            () if is_set("AWS_LAMBDA_FUNCTION_NAME") => Self::Aws,
            () if is_set("K_SERVICE") => Self::Gcp,
            () => Self::Text,
        }
    }
}

/// Why nothing is logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// No such format.
    #[error("`{0}` is no log format: there are text, json, gcp and aws")]
    Format(String),
    /// Not a level nor `target=level,…`.
    #[error("`{0}` is no filter: it is a level, such as info, or target=level with commas between them")]
    Filter(String),
}

/// Logs from now on what `filter` lets through. `project` is the Google project that traces are in, for [`Format::Gcp`].
/// Called once; a second call changes nothing.
pub fn start(filter: &str, format: Option<Format>, project: Option<&str>) -> Result<(), LogError> {
    let filter: Targets = filter.parse().map_err(|_| LogError::Filter(filter.to_owned()))?;
    let format = format.unwrap_or_else(|| Format::of_place(|name| env::var_os(name).is_some()));
    let lines = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(stderr);
    // Already set, in a test or by who embeds us: theirs goes on.
    let _already_set = if format == Format::Text {
        lines.with_ansi(stderr().is_terminal()).finish().with(filter).try_init()
    } else {
        // A panic's own text is no JSON and has several lines.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{}", panic.to_string().replace('\n', " "))));
        let lines = lines.with_ansi(false).fmt_fields(JsonFields::new());
        lines.event_format(Lines { format, project: project.map(Into::into) }).finish().with(filter).try_init()
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names_and_each_cloud_its_own() {
        assert_eq!("gcp".parse(), Ok(Format::Gcp));
        let refused = "xml".parse::<Format>().unwrap_err().to_string();
        assert_eq!(refused, "`xml` is no log format: there are text, json, gcp and aws");
        assert_eq!(Format::of_place(|name| name == "K_SERVICE"), Format::Gcp);
        assert_eq!(Format::of_place(|name| name == "AWS_LAMBDA_FUNCTION_NAME"), Format::Aws);
        assert_eq!(Format::of_place(|_| false), Format::Text);
    }
}
