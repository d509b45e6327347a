use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;

use super::*;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Out {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is written of `log`, a line a value.
fn written(format: Format, project: Option<&str>, log: impl FnOnce()) -> Vec<Value> {
    let out = Out::default();
    let lines = Lines { format, project: project.map(Into::into) };
    let subscriber = tracing_subscriber::fmt().with_writer(out.clone()).with_max_level(Level::TRACE);
    tracing::subscriber::with_default(subscriber.fmt_fields(JsonFields::new()).event_format(lines).finish(), log);
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn failed_request() {
    let span = tracing::error_span!("request", request.id = "r-1", trace.id = TRACE_ID, trace.span = "00ff", trace.sampled = true);
    span.in_scope(|| tracing::warn!(status = 503_u16, error = %"no \"disk\"\nleft", "Failed: {}", "GET /x"));
}

#[test]
fn cloud_logging_gets_severity_message_time_and_the_trace() {
    let line = &written(Format::Gcp, Some("my-project"), failed_request)[0];
    assert_eq!((line["severity"].as_str(), line["message"].as_str()), (Some("WARNING"), Some("Failed: GET /x")));
    assert_eq!(line["logging.googleapis.com/trace"], format!("projects/my-project/traces/{TRACE_ID}"));
    assert_eq!((&line["logging.googleapis.com/spanId"], &line["logging.googleapis.com/trace_sampled"]), (&"00ff".into(), &true.into()));
    assert_eq!((&line["requestId"], &line["status"], &line["error"]), (&"r-1".into(), &503.into(), &"no \"disk\"\nleft".into()));
    let time = line["time"].as_str().unwrap();
    assert!(time.len() == "2026-01-02T03:04:05.123456Z".len() && time.ends_with('Z'), "{time}");
}

#[test]
fn without_a_project_the_trace_is_its_bare_id() {
    assert_eq!(written(Format::Gcp, None, failed_request)[0]["logging.googleapis.com/trace"], TRACE_ID);
}

#[test]
fn cloudwatch_gets_timestamp_level_message_and_request_id() {
    let line = &written(Format::Aws, Some("my-project"), failed_request)[0];
    assert_eq!(
        (line["level"].as_str(), line["message"].as_str(), line["requestId"].as_str()),
        (Some("WARN"), Some("Failed: GET /x"), Some("r-1"))
    );
    assert!(line["timestamp"].is_string() && line.get("severity").is_none() && line["trace.id"] == TRACE_ID, "{line}");
}

#[test]
fn on_lambda_a_line_keeps_the_invocations_id_and_its_trace_beside_the_callers() {
    let invoked = || tracing::info_span!("Lambda runtime invoke", requestId = "8b3c", xrayTraceId = "Root=1-5").in_scope(failed_request);
    let line = &written(Format::Aws, None, invoked)[0];
    assert_eq!((&line["requestId"], &line["callerRequestId"], &line["xrayTraceId"]), (&"8b3c".into(), &"r-1".into(), &"Root=1-5".into()));
}

#[test]
fn every_level_has_its_name() {
    let all = || {
        tracing::error!("e");
        tracing::warn!("w");
        tracing::info!("i");
        tracing::debug!("d");
        tracing::trace!("t");
    };
    let of = |format, key: &str| written(format, None, all).iter().map(|l| l[key].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(of(Format::Gcp, "severity"), ["ERROR", "WARNING", "INFO", "DEBUG", "DEBUG"]);
    assert_eq!(of(Format::Aws, "level"), ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]);
    assert_eq!(of(Format::Json, "level"), ["ERROR", "WARN", "INFO", "DEBUG", "DEBUG"]);
}
