//! What the build for AWS Lambda leaves out (feature `full`), and how it is refused there.

/// A value that only the other build understands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} by `{scheme}:` are left out of the build for AWS Lambda: the container image has them, and Lambda runs it too")]
pub struct LeftOut {
    /// What was asked for, such as `records`.
    pub what: &'static str,
    /// The scheme of the URL. The rest of it may be a secret.
    pub scheme: String,
}

#[cfg(not(feature = "full"))]
impl LeftOut {
    /// `what` by a URL of `scheme`.
    pub(crate) fn new(what: &'static str, scheme: &str) -> Self {
        Self { what, scheme: scheme.to_owned() }
    }
}
