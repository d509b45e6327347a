//! Query parameters as Google's API front end reads them: camelCase or snake_case, repeated or not, unknown ones ignored
//! (clients add `alt`, `key`, `prettyPrint`, `$alt=json;enum-encoding=int` and more).

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::ApiError;
use crate::method_override::QueryBody;

/// The parameters of a request, in order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after `?`. What cannot be decoded is passed over.
    pub fn parse(query: &str) -> Self {
        // Pair by pair: a URL has at most 64 KiB, a query that comes as a body has not.
        let read = |pair| format!("/?{pair}").parse().ok().and_then(|uri| axum::extract::Query::<Vec<_>>::try_from_uri(&uri).ok());
        Self(query.split('&').filter_map(read).flat_map(|pairs| pairs.0).collect())
    }

    /// Every value of `name`, given in camelCase; a parameter in snake case is the same one.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| camel(key) == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is a parameter `name` or `name.…`.
    pub fn has_prefix(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| camel(key).strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// The last value of `name`; empty is absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(key, _)| camel(key) == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// The last value of `name` as a number. INVALID_ARGUMENT names value and parameter.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let read = |text: &str| {
            let refused = || ApiError::invalid(name, format!("Invalid value at '{name}': \"{text}\" is not a number in range"));
            text.trim().parse().map_err(|_| refused())
        };
        self.text(name).map(read).transpose()
    }
}

/// `page_size` and `pageSize` are `pageSize`; dots stay.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut query = Self::parse(parts.uri.query().unwrap_or_default());
        if let Some(QueryBody(body)) = parts.extensions.get() {
            query.0.extend(Self::parse(body).0);
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_repeats_are_read() {
        let q = Query::parse("page_size=3&deviceIds=a&device_ids=b&$alt=json;enum-encoding=int&gateway_list_options.gateway_type=1");
        assert_eq!(q.number::<i32>("pageSize").unwrap(), Some(3));
        assert_eq!(q.all("deviceIds").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(q.text("gatewayListOptions.gatewayType"), Some("1"));
        assert_eq!(q.text("missing"), None);
        assert!(Query::parse("pageSize=x").number::<i32>("pageSize").unwrap_err().message().contains("\"x\""));
    }
}
