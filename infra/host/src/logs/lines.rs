//! An event as one line of JSON.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::Format;

/// Fields of a request's span (`edge`), with the names that each cloud knows.
const REQUEST_ID: &str = "request.id";
/// What Lambda's runtime calls the invocation, in a span around the request's.
const INVOCATION: &str = "requestId";
const TRACE: &str = "trace.id";
const SPAN: &str = "trace.span";
const SAMPLED: &str = "trace.sampled";

/// Writes them.
pub(super) struct Lines {
    pub(super) format: Format,
    /// Whose traces they are.
    pub(super) project: Option<String>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<FormattedFields<N>>() {
                // They were written as JSON when the span began; what is no object has no fields.
                fields.extend(serde_json::from_str::<Map<_, _>>(of_span).unwrap_or_default());
            }
        }
        event.record(&mut Fields(&mut fields));
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let line = self.line(fields, time, *event.metadata().level(), event.metadata().target());
        writeln!(writer, "{line}")
    }
}

impl Lines {
    fn line(&self, mut fields: Map<String, Value>, time: String, level: Level, target: &str) -> Value {
        let (time_key, level_key) = match self.format {
            Format::Gcp => ("time", "severity"),
            Format::Aws => ("timestamp", "level"),
            Format::Json | Format::Text => ("time", "level"),
        };
        if self.format == Format::Gcp {
            self.name_trace(&mut fields);
        }
        // Lambda's own lines name the invocation by its id, so ours keep it, and the caller's stands beside.
        let ours = if fields.contains_key(INVOCATION) { "callerRequestId" } else { "requestId" };
        rename(&mut fields, REQUEST_ID, ours);
        fields.insert(time_key.into(), time.into());
        fields.insert(level_key.into(), self.level(level).into());
        fields.insert("target".into(), target.into());
        Value::Object(fields)
    }

    fn level(&self, level: Level) -> &'static str {
        match (level, self.format) {
            (Level::ERROR, _) => "ERROR",
            (Level::WARN, Format::Gcp) => "WARNING",
            (Level::WARN, _) => "WARN",
            (Level::INFO, _) => "INFO",
            (Level::TRACE, Format::Aws) => "TRACE",
            _ => "DEBUG",
        }
    }

    /// Cloud Logging puts a line below its request when it names the trace by its resource name.
    fn name_trace(&self, fields: &mut Map<String, Value>) {
        if let (Some(project), Some(Value::String(id))) = (&self.project, fields.get_mut(TRACE)) {
            *id = format!("projects/{project}/traces/{id}");
        }
        rename(fields, TRACE, "logging.googleapis.com/trace");
        rename(fields, SPAN, "logging.googleapis.com/spanId");
        rename(fields, SAMPLED, "logging.googleapis.com/trace_sampled");
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.into(), value);
    }
}

/// An event's fields; the message is one of them.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().into(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests;
