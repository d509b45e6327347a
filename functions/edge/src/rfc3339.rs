//! Times as Google's APIs write them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// RFC 3339 in UTC ending in `Z`, with 0, 3, 6 or 9 digits of a second as proto3 JSON has them. `None` for a year outside
/// 0 to 9999, which has no such form.
pub fn rfc3339(secs: i64, nanos: i32) -> Option<String> {
    let whole = OffsetDateTime::from_unix_timestamp(secs).ok()?.format(&Rfc3339).ok()?;
    let fraction = match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    };
    Some(format!("{}{fraction}Z", whole.trim_end_matches('Z')))
}
