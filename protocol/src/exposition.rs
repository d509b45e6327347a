//! Numbers for Prometheus: its text format, version 0.0.4.
//!
//! Source: prometheus.io/docs/instrumenting/exposition_formats.

use std::fmt::{Display, Write as _};

/// What `Content-Type` says of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows by a metric at a time. Names are `drawbridge_{part}_{name}`, counters end with `_total`.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// A number that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.counters(&format!("{name}_total"), help, "", [("", value)]);
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        let _infallible = writeln!(self.text, "{name} {value}");
    }

    /// Numbers that only grow, told apart by one label. `name` ends with `_total`.
    pub fn counters<'a, V: Display>(&mut self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (&'a str, V)>) {
        self.head(name, help, "counter");
        for (of, value) in values {
            let _infallible = if label.is_empty() {
                writeln!(self.text, "{name} {value}")
            } else {
                writeln!(self.text, "{name}{{{label}=\"{of}\"}} {value}")
            };
        }
    }

    /// Numbers that only grow, told apart by several labels. `name` ends with `_total`.
    pub fn counters_by<'a, V: Display, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([&'a str; N], V)>,
    ) {
        self.head(name, help, "counter");
        self.lines(name, labels, values);
    }

    /// Numbers that go up and down, told apart by labels.
    pub fn gauges<'a, V: Display, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([&'a str; N], V)>,
    ) {
        self.head(name, help, "gauge");
        self.lines(name, labels, values);
    }

    fn lines<'a, V: Display, const N: usize>(
        &mut self,
        name: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = ([&'a str; N], V)>,
    ) {
        for (of, value) in values {
            let pairs: Vec<_> = labels.iter().zip(of).map(|(label, of)| format!("{label}=\"{of}\"")).collect();
            let _infallible = writeln!(self.text, "{name}{{{}}} {value}", pairs.join(","));
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let help = help.trim().replace('\\', "\\\\").replace('\n', " ");
        let _infallible = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut exposition = Exposition::default();
        exposition.gauge("drawbridge_bridge_sessions", " Sessions live now. ", 3);
        exposition.counter("drawbridge_bridge_acks", "PUBACKs sent.", 7);
        exposition.counters("drawbridge_shim_evicted_total", "Given up.", "cause", [("quota", 1), ("corrupt", 0)]);
        exposition.counters_by("drawbridge_requests_total", "Answers.", ["function", "code"], [(["bridge", "200"], 5)]);
        let text = "# HELP drawbridge_bridge_sessions Sessions live now.\n# TYPE drawbridge_bridge_sessions gauge\n\
                    drawbridge_bridge_sessions 3\n\
                    # HELP drawbridge_bridge_acks_total PUBACKs sent.\n# TYPE drawbridge_bridge_acks_total counter\n\
                    drawbridge_bridge_acks_total 7\n\
                    # HELP drawbridge_shim_evicted_total Given up.\n# TYPE drawbridge_shim_evicted_total counter\n\
                    drawbridge_shim_evicted_total{cause=\"quota\"} 1\ndrawbridge_shim_evicted_total{cause=\"corrupt\"} 0\n\
                    # HELP drawbridge_requests_total Answers.\n# TYPE drawbridge_requests_total counter\n\
                    drawbridge_requests_total{function=\"bridge\",code=\"200\"} 5\n";
        assert_eq!(exposition.finish(), text);
    }
}
