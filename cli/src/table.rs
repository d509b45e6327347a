//! Answers for people.

use std::io::{self, Write as _};

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A column: its title, and how a row's cell reads.
pub(crate) type Column = (&'static str, fn(&Value) -> String);

/// Spaces between columns.
const GAP: usize = 2;
/// More of a payload does not stand in a cell.
const MAX_PAYLOAD_CHARS: usize = 60;

/// Rows under titles.
pub(crate) fn table(rows: &[Value], columns: &[Column]) -> String {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, cell)| cell(row)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0) + GAP;
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded: String = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += padded.trim_end();
        text.push('\n');
    }
    text
}

/// One resource, a line per field.
pub(crate) fn details(value: &Value) -> String {
    let mut text = String::new();
    nested(&mut text, value, 0);
    text
}

fn nested(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let mut put = |label: &str, value: &Value| match value {
        Value::Object(o) if o.is_empty() => {}
        Value::Array(a) if a.is_empty() => {}
        Value::Object(_) | Value::Array(_) => {
            *text += &format!("{indent}{label}\n");
            nested(text, value, depth + 1);
        }
        Value::String(s) if s.contains('\n') => {
            *text += &format!("{indent}{label}\n");
            for line in s.lines() {
                *text += &format!("{indent}  {}\n", printable(line));
            }
        }
        plain => *text += &format!("{indent}{label} {}\n", scalar(plain)),
    };
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| !matches!(name.as_str(), "id" | "name" | "numId"));
            for (name, value) in fields {
                let shown = if name == "binaryData" { payload(value).into() } else { value.clone() };
                put(&format!("{}:", if name == "binaryData" { "data" } else { name }), &shown);
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(place, item)| put(&format!("[{place}]"), item)),
        plain => put("", plain),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(s) => printable(s),
        other => other.to_string(),
    }
}

/// A field's text; `-` when it is empty or absent.
pub(crate) fn cell(value: &Value) -> String {
    let text = scalar(value);
    if text.is_empty() { "-".to_owned() } else { text }
}

/// The last segment of a name.
pub(crate) fn id(name: &Value) -> String {
    cell(&name.as_str().unwrap_or_default().rsplit('/').next().into())
}

/// A time to the second; `-` when it is absent or the epoch, which stands for never.
pub(crate) fn time(value: &Value) -> String {
    match value.as_str() {
        None | Some("1970-01-01T00:00:00Z") => "-".to_owned(),
        Some(t) => t.split_once('.').map_or_else(|| printable(t), |(seconds, _)| printable(&format!("{seconds}Z"))),
    }
}

/// Bytes in base64: as text where they are text.
pub(crate) fn payload(value: &Value) -> String {
    let coded = value.as_str().unwrap_or_default();
    let bytes = STANDARD.decode(coded).unwrap_or_default();
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => printable(text),
        _ => format!("({} bytes) {coded}", bytes.len()),
    };
    if text.chars().count() <= MAX_PAYLOAD_CHARS {
        return text;
    }
    format!("{}… ({} bytes)", text.chars().take(MAX_PAYLOAD_CHARS).collect::<String>(), bytes.len())
}

/// What a device sent must not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// To standard output. A reader who has seen enough of a pipe is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// The same for bytes.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_below_each_other() {
        let columns: [Column; 2] = [("ID", |r| cell(&r["id"])), ("SEEN", |r| time(&r["t"]))];
        let rows = [json!({"id": "long-name", "t": "2026-11-20T12:00:00.5Z"}), json!({"id": "b"})];
        assert_eq!(table(&rows, &columns), "ID         SEEN\nlong-name  2026-11-20T12:00:00Z\nb          -\n");
    }

    #[test]
    fn a_payload_cannot_drive_the_terminal() {
        assert_eq!(payload(&json!("aGVsbG8=")), "hello");
        assert_eq!(payload(&json!("G1sySg==")), "(4 bytes) G1sySg==");
        assert_eq!(cell(&json!("\u{1b}[2J")), "\\u{1b}[2J");
    }

    #[test]
    fn details_show_what_is_there() {
        let text = details(&json!({"id": "d", "credentials": [{"key": "a\nb"}], "config": {"binaryData": "aGk="}, "metadata": {}}));
        assert_eq!(text, "id: d\nconfig:\n  data: hi\ncredentials:\n  [0]\n    key:\n      a\n      b\n");
    }
}
