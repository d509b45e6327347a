//! `Content-Range` of a resumable upload: `bytes 0-524287/2000000`, `bytes 0-524287/*`, `bytes */2000000`, `bytes */*`.
//! Source: cloud.google.com/storage/docs/performing-resumable-uploads.

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// The first byte and the one after the last; `None` when it brings nothing and asks how far the upload is.
    pub(super) bytes: Option<(u64, u64)>,
    /// Size of the whole object, once known.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    /// `None` for what is no such range.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (range, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        if range == "*" {
            return Some(Self { bytes: None, total });
        }
        let (first, last) = range.split_once('-')?;
        let (first, end) = (first.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?);
        let fits = first < end && total.is_none_or(|total| end <= total);
        fits.then_some(Self { bytes: Some((first, end)), total })
    }

    /// Whether the object is whole once so many bytes are there.
    pub(super) fn ends_at(&self, received: u64) -> bool {
        self.total == Some(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms_are_read_and_nothing_else() {
        let range = |bytes, total| Some(ContentRange { bytes, total });
        for (text, expected) in [
            ("bytes 0-9/10", range(Some((0, 10)), Some(10))),
            ("bytes 5-9/*", range(Some((5, 10)), None)),
            ("bytes */10", range(None, Some(10))),
            ("bytes */*", range(None, None)),
            ("bytes 9-5/10", None),
            ("bytes 0-10/10", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes 0-9", None),
            ("items 0-9/10", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::read(text), expected, "{text}");
        }
    }
}
