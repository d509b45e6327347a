//! The same requests for a shell. Tokens are named, not shown: `$DEVICE_JWT` is what the reader brings, a token that an
//! answer brings goes into a variable that the next line uses.

use reqwest::Method;

use super::call::{Body, Call};
use crate::curl::quoted;

/// Before the first line that needs the device's JWT.
pub(super) const JWT_COMES_FROM: &str = "# DEVICE_JWT is a token that the device signed, as `drawbridge-shim token` prints it.\n";

/// The request; without the end of the line.
fn request(call: &Call<'_>) -> String {
    let mut line = String::from("curl -sS --fail-with-body");
    if call.method != Method::GET {
        line += &format!(" -X {}", call.method);
    }
    line += &format!(" -H \"authorization: Bearer ${}\"", call.token.variable);
    match &call.body {
        Body::Empty => {}
        Body::Form(fields) => {
            fields.iter().for_each(|(name, value)| line += &format!(" --data-urlencode {}", quoted(&format!("{name}={value}"))))
        }
        Body::Json(body) => line += &format!(" -H 'content-type: application/json' -d {}", quoted(&body.to_string())),
        Body::File(path) => {
            line += &format!(" -H 'content-type: application/octet-stream' --data-binary {}", quoted(&format!("@{}", path.display())));
        }
    }
    format!("{line} {}", quoted(call.url.as_str()))
}

/// One line, ended.
pub(super) fn line(call: &Call<'_>) -> String {
    request(call) + "\n"
}

/// A download into a file.
pub(super) fn download(call: &Call<'_>, to: &str) -> String {
    format!("{} -D /dev/stderr -o {}\n", request(call), quoted(to))
}

/// Puts a text field of the answer into a variable.
pub(super) fn assignment(call: &Call<'_>, variable: &str, field: &str) -> String {
    format!("{variable}=$({} | tr -d '\\n' | sed 's/.*\"{field}\" *: *\"\\([^\"]*\\)\".*/\\1/')\n", request(call))
}
