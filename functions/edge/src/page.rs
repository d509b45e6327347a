//! Pages of a listing. A token is opaque to callers; inside it is the last key of the page before, without its parent,
//! so that a token cannot reach into another parent.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::DomainError;
use protocol::limits::MAX_PAGE_SIZE;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows at most, 1 to 500.
    pub size: usize,
    /// The key, parent included, that the page comes after.
    pub after: Option<String>,
}

impl PageRequest {
    /// Reads `page_size` (0 or absent: 500; above is cut to 500) and `page_token` for keys that start with `parent`.
    pub fn read(parent: &str, size: Option<i32>, token: Option<&str>) -> Result<Self, DomainError> {
        let given = size.unwrap_or(0);
        let size = usize::try_from(given)
            .map_err(|_| DomainError::invalid("page_size", format!("page_size {given} is negative; 0 stands for {MAX_PAGE_SIZE}")))?;
        let size = if size == 0 { MAX_PAGE_SIZE } else { size.min(MAX_PAGE_SIZE) };
        let read = |token: &str| {
            let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let shown: String = token.chars().take(64).collect();
            key.map(|key| format!("{parent}{key}"))
                .ok_or_else(|| DomainError::invalid("page_token", format!("page_token `{shown}` is none that this server gave")))
        };
        Ok(Self { size, after: token.map(read).transpose()? })
    }
}

/// The token for the page after `key`; empty at the end, as the API has it.
pub fn page_token(parent: &str, key: Option<&str>) -> String {
    key.map(|key| URL_SAFE_NO_PAD.encode(key.strip_prefix(parent).unwrap_or(key))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_to_the_page_after_its_key() {
        let page = PageRequest::read("a/", Some(0), Some(&page_token("a/", Some("a/x")))).unwrap();
        assert_eq!(page, PageRequest { size: 500, after: Some("a/x".into()) });
        assert_eq!(PageRequest::read("a/", Some(9_000), None).unwrap().size, 500);
        assert!(PageRequest::read("a/", Some(-1), None).is_err());
        assert!(PageRequest::read("a/", None, Some("***")).is_err());
    }
}
