//! The canonical codes that this API answers with.

use axum::http::StatusCode;

/// A `google.rpc.Code`, with its HTTP status as Google maps it (`google/rpc/code.proto`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 400: the request breaks a rule, whatever the state of things.
    InvalidArgument,
    /// 400: the state of things forbids it.
    FailedPrecondition,
    /// 400: past the end of what there is.
    OutOfRange,
    /// 401: nobody we know.
    Unauthenticated,
    /// 403: somebody we know, who may not.
    PermissionDenied,
    /// 404: no such thing.
    NotFound,
    /// 409: the name is taken.
    AlreadyExists,
    /// 409: somebody else changed it meanwhile.
    Aborted,
    /// 429: too much.
    ResourceExhausted,
    /// 499: the caller went away.
    Cancelled,
    /// 500: our fault.
    Internal,
    /// 501: not there yet.
    Unimplemented,
    /// 503: our fault, and it passes.
    Unavailable,
    /// 504: no answer in time.
    DeadlineExceeded,
}

impl Code {
    const ALL: [Self; 14] = [
        Self::InvalidArgument,
        Self::FailedPrecondition,
        Self::OutOfRange,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Aborted,
        Self::ResourceExhausted,
        Self::Cancelled,
        Self::Internal,
        Self::Unimplemented,
        Self::Unavailable,
        Self::DeadlineExceeded,
    ];

    /// Number, name and HTTP status.
    const fn parts(self) -> (i32, &'static str, u16) {
        match self {
            Self::Cancelled => (1, "CANCELLED", 499),
            Self::InvalidArgument => (3, "INVALID_ARGUMENT", 400),
            Self::DeadlineExceeded => (4, "DEADLINE_EXCEEDED", 504),
            Self::NotFound => (5, "NOT_FOUND", 404),
            Self::AlreadyExists => (6, "ALREADY_EXISTS", 409),
            Self::PermissionDenied => (7, "PERMISSION_DENIED", 403),
            Self::ResourceExhausted => (8, "RESOURCE_EXHAUSTED", 429),
            Self::FailedPrecondition => (9, "FAILED_PRECONDITION", 400),
            Self::Aborted => (10, "ABORTED", 409),
            Self::OutOfRange => (11, "OUT_OF_RANGE", 400),
            Self::Unimplemented => (12, "UNIMPLEMENTED", 501),
            Self::Internal => (13, "INTERNAL", 500),
            Self::Unavailable => (14, "UNAVAILABLE", 503),
            Self::Unauthenticated => (16, "UNAUTHENTICATED", 401),
        }
    }

    /// The number, as in `google.rpc.Status.code` and gRPC.
    pub const fn number(self) -> i32 {
        self.parts().0
    }
    /// The name, as in `error.status`.
    pub const fn name(self) -> &'static str {
        self.parts().1
    }
    /// The code of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
    /// The HTTP status, as in `error.code`.
    pub fn http(self) -> StatusCode {
        StatusCode::from_u16(self.parts().2).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
    /// Whether it says that we failed, not the caller.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Internal | Self::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name() {
        let mut numbers: Vec<_> = Code::ALL.into_iter().filter_map(|code| Code::named(code.name())).map(Code::number).collect();
        numbers.sort_unstable();
        // UNKNOWN and DATA_LOSS are never answered.
        let expected: Vec<_> = (1..=16).filter(|number| ![2, 15].contains(number)).collect();
        assert_eq!(numbers, expected);
        assert_eq!(Code::named("OK"), None);
    }
}
