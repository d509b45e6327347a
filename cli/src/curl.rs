//! The same request for `curl`. The token is named, not shown: the line runs where the variable is set.

use reqwest::{Method, Url};

use crate::client::Request;

/// One line, ended.
pub(crate) fn line(request: &Request, url: &Url) -> String {
    let mut line = String::from("curl -sS");
    if request.method != Method::GET {
        line += &format!(" -X {}", request.method);
    }
    line += " -H \"authorization: Bearer $DRAWBRIDGE_ADMIN_TOKEN\"";
    if let Some(body) = &request.body {
        line += &format!(" -H 'content-type: application/json' -d {}", quoted(&body.to_string()));
    }
    format!("{line} {}\n", quoted(url.as_str()))
}

/// One word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:,".contains(c)) && !text.is_empty() {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
