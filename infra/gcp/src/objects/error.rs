//! What Cloud Storage's errors mean to us.

use domain::PortError;
use domain::objects::ObjectName;
use google_cloud_storage::Error;

use super::PART;

/// What was tried.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing {
    Reading,
    Writing,
}

impl Doing {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Reading => ("read", "roles/storage.objectViewer"),
            Self::Writing => ("write", "roles/storage.objectUser"),
        }
    }
}

/// An error of the client library.
pub(super) fn failed(name: &ObjectName, doing: Doing, e: &Error) -> PortError {
    match e.http_status_code() {
        Some(status) => answered(name, doing, status, &with_causes(e)),
        // The token could not be had, or the line broke and stayed broken. Both may mend themselves.
        None if e.is_serialization() || e.is_deserialization() || e.is_binding() => {
            PortError::lasting(PART, format!("`{name}`: {}", with_causes(e)))
        }
        None => PortError::passing(PART, format!("`{name}`: {}", with_causes(e))),
    }
}

/// An answer of Cloud Storage that is none of those that were hoped for.
pub(super) fn answered(name: &ObjectName, doing: Doing, status: u16, said: &str) -> PortError {
    let (verb, role) = doing.words();
    let bucket = name.bucket();
    match status {
        404 => {
            let create = format!("create it with `gcloud storage buckets create gs://{bucket}`");
            PortError::lasting(PART, format!("bucket `{bucket}` does not exist: {create}"))
        }
        401 | 403 => PortError::lasting(PART, format!("no permission to {verb} `{name}` ({status}): grant {role} on bucket `{bucket}`")),
        408 | 429 | 500.. => PortError::passing(PART, format!("`{name}`: Cloud Storage answered {status}: {said}")),
        _ => PortError::lasting(PART, format!("`{name}`: Cloud Storage answered {status}: {said}")),
    }
}

/// Cloud Storage said nothing for too long.
pub(super) fn silent(name: &ObjectName) -> PortError {
    PortError::passing(PART, format!("`{name}`: Cloud Storage was silent for {} s", super::STALL_LIMIT.as_secs()))
}

/// The message and those of its causes, 500 characters at most: the library's own says only that something failed.
pub(super) fn with_causes(e: &(dyn std::error::Error + 'static)) -> String {
    let mut text = e.to_string();
    for cause in std::iter::successors(e.source(), |e| e.source()).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_lasts_or_passes_and_says_what_to_do() {
        let name = ObjectName::try_new("bucket", "a/b").unwrap();
        for (status, doing, passes, says) in [
            (403, Doing::Reading, false, "grant roles/storage.objectViewer on bucket `bucket`"),
            (401, Doing::Writing, false, "grant roles/storage.objectUser"),
            (404, Doing::Writing, false, "gcloud storage buckets create gs://bucket"),
            (412, Doing::Writing, false, "answered 412: x"),
            (429, Doing::Reading, true, "answered 429"),
            (503, Doing::Reading, true, "answered 503"),
        ] {
            let e = answered(&name, doing, status, "x");
            assert!(e.is_retryable() == passes && e.to_string().contains(says), "{e}");
        }
    }
}
