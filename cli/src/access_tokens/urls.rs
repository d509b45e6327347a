//! Where each of Google's services is: a flag, its variable, the profile, or all at the endpoint.

use std::fmt;

use anyhow::Result;
use reqwest::Url;
use serde::Deserialize;

use super::flags::UrlFlags;
use crate::flags::DEFAULT_ENDPOINT;
use crate::profile::Endpoints;
use crate::session;

/// A service that the sample asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    TokenService,
    IamCredentials,
    PubSub,
    Storage,
    CloudIot,
}

impl Api {
    /// The flag that says where it is.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::TokenService => "--token_service_url",
            Self::IamCredentials => "--iamcredentials_url",
            Self::PubSub => "--pubsub_url",
            Self::Storage => "--storage_url",
            Self::CloudIot => "--cloudiot_url",
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenService => "the token service",
            Self::IamCredentials => "IAM Credentials",
            Self::PubSub => "Pub/Sub",
            Self::Storage => "Cloud Storage",
            Self::CloudIot => "the registry API",
        })
    }
}

/// `[urls]` of the profile.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Urls {
    token_service: Option<String>,
    iamcredentials: Option<String>,
    pubsub: Option<String>,
    storage: Option<String>,
    cloudiot: Option<String>,
}

/// The base URL of every service.
#[derive(Debug)]
pub(super) struct Bases([(Api, Url); 5]);

impl Bases {
    /// `endpoint` and `endpoints` are the profile's as well.
    pub(super) fn read(flags: UrlFlags, endpoint: Option<String>, endpoints: Endpoints, profile: Urls) -> Result<Self> {
        let own = if flags.endpoint.is_some() { Endpoints::default() } else { endpoints };
        let endpoint = flags.endpoint.or(endpoint).unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        let base = |service: Api, flag: Option<String>, profile: Option<String>| {
            Ok::<_, anyhow::Error>((service, session::url(flag.or(profile).as_deref().unwrap_or(&endpoint))?))
        };
        Ok(Self([
            base(Api::TokenService, flags.token_service_url, profile.token_service.or(own.token_exchange))?,
            base(Api::IamCredentials, flags.iamcredentials_url, profile.iamcredentials)?,
            base(Api::PubSub, flags.pubsub_url, profile.pubsub)?,
            base(Api::Storage, flags.storage_url, profile.storage)?,
            base(Api::CloudIot, flags.cloudiot_url, profile.cloudiot.or(own.command_relay))?,
        ]))
    }

    /// `path` at the service, each part encoded by itself.
    pub(super) fn url(&self, service: Api, path: &[&str]) -> Url {
        let Self(bases) = self;
        let found = bases.iter().find(|(known, _)| *known == service);
        let mut url = found.map_or_else(|| bases[0].1.clone(), |(_, base)| base.clone());
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> UrlFlags {
        UrlFlags {
            endpoint: None,
            token_service_url: None,
            iamcredentials_url: None,
            pubsub_url: None,
            storage_url: None,
            cloudiot_url: None,
        }
    }

    #[test]
    fn a_flag_goes_before_the_profile_and_the_profile_before_the_endpoint() {
        let flags = UrlFlags {
            endpoint: Some("http://127.0.0.1:1/base/".into()),
            pubsub_url: Some("https://pubsub.googleapis.com".into()),
            ..flags()
        };
        let profile = Urls { pubsub: Some("http://p".into()), storage: Some("https://storage.googleapis.com".into()), ..Urls::default() };
        let bases = Bases::read(flags, None, Endpoints::default(), profile).unwrap();
        assert_eq!(
            bases.url(Api::PubSub, &["v1", "projects", "p", "topics", "t:publish"]).as_str(),
            "https://pubsub.googleapis.com/v1/projects/p/topics/t:publish"
        );
        assert_eq!(bases.url(Api::Storage, &["b", "a/b c"]).as_str(), "https://storage.googleapis.com/b/a%2Fb%20c");
        assert_eq!(bases.url(Api::TokenService, &["v1beta1"]).as_str(), "http://127.0.0.1:1/base/v1beta1");
    }

    #[test]
    fn each_service_has_an_url_of_its_own() {
        let flags = UrlFlags {
            endpoint: None,
            token_service_url: Some("http://a".into()),
            iamcredentials_url: Some("http://b".into()),
            pubsub_url: Some("http://c".into()),
            storage_url: Some("http://d".into()),
            cloudiot_url: Some("http://e".into()),
        };
        let bases = Bases::read(flags, None, Endpoints::default(), Urls::default()).unwrap();
        let all = [Api::TokenService, Api::IamCredentials, Api::PubSub, Api::Storage, Api::CloudIot];
        assert_eq!(all.map(|s| bases.url(s, &[]).host_str().map(str::to_owned).unwrap()), ["a", "b", "c", "d", "e"]);
    }
}
