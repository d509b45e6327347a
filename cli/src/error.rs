//! Errors that say what to do next.

use anyhow::Error;
use serde_json::Value;

use crate::resource::Resource;

/// The caller asked for something that cannot be: exit code 64.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error of the caller.
pub(crate) fn usage(text: impl Into<String>) -> Error {
    Usage(text.into()).into()
}

/// No answer at all.
pub(crate) fn unreachable(endpoint: &str, e: &reqwest::Error) -> Error {
    let mut causes = std::iter::successors(std::error::Error::source(e), |e| e.source());
    let cause = causes.by_ref().last().map_or_else(|| e.to_string(), ToString::to_string);
    let next = if cause.contains("InvalidContentType") {
        "it speaks no TLS there: write http:// instead of https://"
    } else if cause.contains("UnknownIssuer") {
        "this machine does not know who signed its certificate: SSL_CERT_FILE names a file of authorities to trust"
    } else if e.is_connect() {
        "is `drawbridge up` running? If it listens elsewhere, say where: --endpoint URL, DRAWBRIDGE_ENDPOINT or `endpoint` in the profile"
    } else if e.is_timeout() {
        "the server took the request and did not answer in time; its log says why"
    } else {
        "is this the registry API of Drawbridge? --endpoint URL, DRAWBRIDGE_ENDPOINT or `endpoint` in the profile says where it is"
    };
    Error::msg(format!("no answer from {endpoint}: {cause}\n{next}"))
}

/// An answer that is not 2xx. `token` says where the token came from.
pub(crate) fn refused(status: u16, body: &[u8], about: &Resource, token: Option<&str>) -> Error {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(message) = answer["error"]["message"].as_str() else {
        let shown: String = String::from_utf8_lossy(body).chars().take(200).filter(|c| !c.is_control()).collect();
        return Error::msg(format!("HTTP {status} that is not of the registry API: {shown}\nsay by --endpoint URL where the API is"));
    };
    let name = answer["error"]["status"].as_str().unwrap_or_default();
    let next = next_step(name, message, about, token);
    Error::msg(format!("{message} ({name}){}", next.map(|n| format!("\n{n}")).unwrap_or_default()))
}

fn next_step(name: &str, message: &str, about: &Resource, token: Option<&str>) -> Option<String> {
    let next = match name {
        "UNAUTHENTICATED" => {
            let sent = token.map_or("no token was sent".to_owned(), |source| format!("the token of {source} was sent"));
            format!(
                "{sent}. `drawbridge up` prints the token once and keeps it in the file admin-token of its data folder: give it by \
                 --admin-token, DRAWBRIDGE_ADMIN_TOKEN or `admin_token` in the profile, or name the folder by --data"
            )
        }
        "NOT_FOUND" if message.contains("not part of this API") => "say by --endpoint URL where the registry API is".to_owned(),
        "NOT_FOUND" if message.starts_with("registry") => format!("list what there is: {}", about.list_registries()),
        "NOT_FOUND" => format!("list what there is: {}", about.list_siblings()),
        "ALREADY_EXISTS" => format!("look at it, or choose another id: {}", about.list_siblings()),
        "FAILED_PRECONDITION" | "ABORTED" if message.contains("the update expects version") => {
            format!("somebody changed it meanwhile: look at the newest version, then update that: {}", about.list_configs())
        }
        "ABORTED" if message.starts_with("the etag of the policy") => format!("it is: {}", about.show_policy()),
        "FAILED_PRECONDITION" if message.contains("is not subscribed") => {
            let topic = format!("/devices/{}/commands/#", about.id());
            format!("the device must be connected over MQTT and subscribed to {topic}; with --ttl the command waits for it")
        }
        "RESOURCE_EXHAUSTED" if message.contains("commands waiting") => format!("they are: {}", about.list_commands()),
        "FAILED_PRECONDITION" if message.contains("still has devices") => format!("they are: {}", about.list_devices()),
        "UNAVAILABLE" | "DEADLINE_EXCEEDED" | "RESOURCE_EXHAUSTED" => "try again in a moment".to_owned(),
        _ => return None,
    };
    Some(next)
}
