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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_with_the_build_that_has_it() {
        let refused = LeftOut { what: "commands", scheme: "nats".into() }.to_string();
        let expected = "commands by `nats:` are left out of the build for AWS Lambda: the container image has them, and Lambda runs it too";
        assert_eq!(refused, expected);
    }
}
