//! Pages of a listing. A token is opaque to callers; inside it are the form's number, a digest of the listing that it is of, and
//! the last key of the page before, without its parent. So a token leads into no other parent and into no listing with another
//! filter: Google answers INVALID_ARGUMENT there too (AIP-158, "must match the call that provided the page token").
//!
//! The digest is no proof of anything: who makes a token up reaches nothing that the listing would not show.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::DomainError;
use protocol::limits::MAX_PAGE_SIZE;

use crate::{ApiError, Query};

/// Of the form. No key begins with this byte: a token of the form before, which was the key alone, is told by it.
const FORM: u8 = 1;
/// Bytes of a SHA-256 that tell listings apart.
const DIGEST_BYTES: usize = 8;
/// Longest token: the form, the digest and a key of 255 bytes in base64 have 352; the rest is room.
const MAX_TOKEN_BYTES: usize = 512;
/// Characters of a wrong token that the answer repeats.
const SHOWN: usize = 64;

/// Which page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows at most, 1 to 500.
    pub size: usize,
    /// The key, parent included, that the page comes after.
    pub after: Option<String>,
}

/// A listing: what all its pages have in common.
#[derive(Debug)]
pub struct Listing {
    parent: String,
    digest: [u8; DIGEST_BYTES],
}

impl Listing {
    /// Of the keys that start with `parent` and pass `filter`, which is any text that is the same for the same filter.
    pub fn new(parent: String, filter: &str) -> Self {
        let mut digested = [0; DIGEST_BYTES];
        // No parent has a line break.
        for (to, from) in digested.iter_mut().zip(digest(&SHA256, format!("{parent}\n{filter}").as_bytes()).as_ref()) {
            *to = *from;
        }
        Self { parent, digest: digested }
    }

    /// What every key starts with.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// Reads `pageSize` (0 or absent: 500; above is cut to 500) and `pageToken`. INVALID_ARGUMENT for a token that this listing
    /// did not give.
    pub fn page(&self, query: &Query) -> Result<PageRequest, ApiError> {
        let given: i32 = query.number("pageSize")?.unwrap_or(0);
        let size = usize::try_from(given)
            .map_err(|_| DomainError::invalid("page_size", format!("page_size {given} is negative; 0 stands for {MAX_PAGE_SIZE}")))?;
        let size = if size == 0 { MAX_PAGE_SIZE } else { size.min(MAX_PAGE_SIZE) };
        Ok(PageRequest { size, after: query.text("pageToken").map(|token| self.read(token)).transpose()? })
    }

    /// The token for the page after `key`; empty at the end, as the API has it.
    pub fn token(&self, key: Option<&str>) -> String {
        let Some(key) = key else { return String::new() };
        let key = key.strip_prefix(&self.parent).unwrap_or(key);
        URL_SAFE_NO_PAD.encode([&[FORM], &self.digest[..], key.as_bytes()].concat())
    }

    fn read(&self, token: &str) -> Result<String, DomainError> {
        let refused = |why: &str| {
            let shown: String = token.chars().take(SHOWN).collect();
            DomainError::invalid("page_token", format!("page_token `{shown}` {why}: start the listing again without pageToken"))
        };
        let decoded = Some(token).filter(|token| token.len() <= MAX_TOKEN_BYTES).and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
        let text = decoded.as_deref().ok_or_else(|| refused("is none that this server gave"))?;
        let (form, rest) = text.split_first().ok_or_else(|| refused("is none that this server gave"))?;
        if *form != FORM {
            return Err(refused("is of another version of this server, or none that it gave"));
        }
        match rest.split_at_checked(DIGEST_BYTES).map(|(digest, key)| (digest == self.digest, std::str::from_utf8(key))) {
            Some((true, Ok(key))) => Ok(format!("{}{key}", self.parent)),
            Some((false, _)) => Err(refused("is of another listing, with another parent or other filters")),
            _ => Err(refused("is none that this server gave")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(parent: &str, filter: &str) -> Listing {
        Listing::new(parent.into(), filter)
    }

    fn page(listing: &Listing, token: &str) -> Result<PageRequest, String> {
        listing.page(&Query::parse(&format!("pageToken={token}"))).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn a_token_leads_to_the_page_after_its_key() {
        let listing = listing("a/", "");
        assert_eq!(page(&listing, &listing.token(Some("a/x"))), Ok(PageRequest { size: 500, after: Some("a/x".into()) }));
        assert_eq!(listing.page(&Query::parse("pageSize=9000")).unwrap(), PageRequest { size: 500, after: None });
        assert!(listing.page(&Query::parse("pageSize=-1")).unwrap_err().message().contains("negative"));
        assert_eq!(listing.token(None), "");
    }

    #[test]
    fn a_token_of_another_listing_is_refused() {
        let token = listing("a/", "x=1").token(Some("a/x"));
        for other in [listing("b/", "x=1"), listing("a/", "x=2"), listing("a/", "")] {
            let refusal = page(&other, &token).unwrap_err();
            assert!(refusal.ends_with("with another parent or other filters: start the listing again without pageToken"), "{refusal}");
        }
    }

    #[test]
    fn a_token_of_the_form_before_is_refused_with_what_to_do() {
        let refusal = page(&listing("a/", ""), &URL_SAFE_NO_PAD.encode("pi-1")).unwrap_err();
        let says =
            "page_token `cGktMQ` is of another version of this server, or none that it gave: start the listing again without pageToken";
        assert_eq!(refusal, says);
    }

    #[test]
    fn what_is_no_token_is_refused_and_shown_in_part() {
        let listing = listing("a/", "");
        let (short, not_text) =
            (URL_SAFE_NO_PAD.encode([FORM, 2, 3]), URL_SAFE_NO_PAD.encode([&[FORM], &listing.digest[..], &[0xff]].concat()));
        for token in ["***", &short, &not_text, &"A".repeat(MAX_TOKEN_BYTES + 1)] {
            let refusal = page(&listing, token).unwrap_err();
            assert!(refusal.contains("none that") && refusal.len() < 200, "{token}: {refusal}");
        }
    }

    #[test]
    fn the_longest_key_makes_a_token_that_is_read_again() {
        let listing = listing("a/", "");
        let key = format!("a/{}", "k".repeat(255));
        assert_eq!(page(&listing, &listing.token(Some(&key))).unwrap().after, Some(key));
    }
}
