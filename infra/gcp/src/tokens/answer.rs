//! What the two services answer.

use std::time::Duration;

use domain::token::{AccessToken, Issued, Secret};
use domain::{PortError, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::retry::Sent;

/// Longest text of a refusal that is passed on, in characters.
const MAX_TEXT: usize = 512;
/// Longest word in it: a longer one may be a token that was echoed.
const MAX_WORD: usize = 120;

#[derive(Deserialize)]
struct Federated {
    access_token: String,
    /// Seconds. Absent only for subject tokens of Google's own, which ours are not.
    expires_in: u32,
}

/// `expires_in` is absent when Google issued the token before it.
#[derive(Deserialize)]
struct Downscoped {
    access_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
    /// RFC 3339.
    expire_time: String,
}

/// The answer of STS.
pub(super) fn federated(sent: Sent, now: Timestamp) -> Result<Issued, PortError> {
    read(sent, |body: Federated| {
        Some(AccessToken { secret: Secret::new(body.access_token), expires_at: now + Duration::from_secs(body.expires_in.into()) })
    })
}

/// The answer of STS about a token behind a boundary: it lives as long as the one before it.
pub(super) fn downscoped(sent: Sent, expires_at: Timestamp) -> Result<Issued, PortError> {
    read(sent, |body: Downscoped| Some(AccessToken { secret: Secret::new(body.access_token), expires_at }))
}

/// The answer of IAM Credentials.
pub(super) fn impersonated(sent: Sent) -> Result<Issued, PortError> {
    read(sent, |body: Impersonated| {
        let expires = OffsetDateTime::parse(&body.expire_time, &Rfc3339).ok()?;
        Some(AccessToken { secret: Secret::new(body.access_token), expires_at: Timestamp::from_secs(expires.unix_timestamp()) })
    })
}

fn read<T: DeserializeOwned>(sent: Sent, token: impl FnOnce(T) -> Option<AccessToken>) -> Result<Issued, PortError> {
    match sent {
        Sent::Busy(retry_after) => Ok(Issued::Busy { retry_after }),
        Sent::Answer(200, body) => {
            // The body may hold a token, so what is wrong with it is not repeated.
            let token = serde_json::from_slice(&body).ok().and_then(token);
            token.map(Issued::Token).ok_or_else(|| PortError::lasting("token issuer", "an answer of 200 that holds no token"))
        }
        Sent::Answer(status @ 400..=499, body) => Ok(refused(status, &body)),
        Sent::Answer(status, _) => Err(PortError::lasting("token issuer", format!("an answer of {status}"))),
    }
}

/// `{"error": CODE, "error_description"}` of STS, or `{"error": {"status": CODE, "message"}}` of IAM Credentials.
fn refused(status: u16, body: &[u8]) -> Issued {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body["error"];
    let code = error.as_str().or(error["status"].as_str()).map_or_else(|| status.to_string(), passable);
    let why = body["error_description"].as_str().or(error["message"].as_str()).map_or_else(|| format!("HTTP status {status}"), passable);
    Issued::Refused { code, why }
}

/// A text of the issuer as it may be repeated: short, on one line, and without anything as long as a token.
fn passable(text: &str) -> String {
    let words = text.split_whitespace().map(|word| if word.len() > MAX_WORD { "…" } else { word });
    let line: String = words.collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> (String, String) {
        match federated(Sent::Answer(status, body.into()), Timestamp::from_secs(0)) {
            Ok(Issued::Refused { code, why }) => (code, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_shapes_of_refusals_are_read_and_none_repeats_a_token() {
        let text = |code: &str, why: &str| (code.to_owned(), why.to_owned());
        assert_eq!(refusal(400, r#"{"error":"invalid_grant","error_description":"a\nb"}"#), text("invalid_grant", "a b"));
        assert_eq!(refusal(403, r#"{"error":{"status":"PERMISSION_DENIED","message":"no"}}"#), text("PERMISSION_DENIED", "no"));
        assert_eq!(refusal(404, "<html>"), text("404", "HTTP status 404"));
        let echo = format!(r#"{{"error":"x","error_description":"bad token {} given"}}"#, "e".repeat(800));
        assert_eq!(refusal(400, &echo), text("x", "bad token … given"));
    }

    #[test]
    fn a_200_without_a_token_is_our_problem_and_is_not_repeated() {
        for body in ["", "{}", r#"{"access_token":"t"}"#, r#"{"access_token":"t","expires_in":-1}"#] {
            let e = federated(Sent::Answer(200, body.into()), Timestamp::from_secs(0)).unwrap_err();
            assert!(!e.is_retryable());
        }
        assert!(impersonated(Sent::Answer(200, br#"{"accessToken":"t","expireTime":"soon"}"#.to_vec())).is_err());
        assert!(federated(Sent::Answer(302, vec![]), Timestamp::from_secs(0)).is_err());
    }
}
