//! What is downloaded, and whether the device's token may go there.

use std::path::PathBuf;

use reqwest::Url;

use super::DownloadError;
use crate::config::Config;

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(super) url: Url,
    /// The device's token goes to the configured `cloud` alone.
    pub(crate) with_token: bool,
    /// The roots of the configuration are those of the cloud; all others are judged by the system's.
    pub(super) roots: Option<PathBuf>,
}

impl Source {
    /// Reads `gs://bucket/object` or a URL.
    pub(crate) fn read(given: &str, config: &Config) -> Result<Self, DownloadError> {
        let refused = |problem: &str| DownloadError::Source { given: given.chars().take(200).collect(), problem: problem.into() };
        if let Some(name) = given.strip_prefix("gs://") {
            let cloud = config
                .cloud
                .as_ref()
                .ok_or_else(|| refused("the configuration has no key `cloud`, such as \"https://cloud.example.com\""))?;
            let mut url = object_url(cloud, &config.device.to_string(), name)
                .ok_or_else(|| refused("it must be gs://BUCKET/OBJECT, without empty parts, `.` and `..`"))?;
            if config.ca.is_some() {
                // Where a signed URL would lead, our roots are not trusted.
                url.set_query(Some("redirect=false"));
            }
            return Ok(Self { url, with_token: true, roots: config.ca.clone() });
        }
        let url = Url::parse(given).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        let url = url.ok_or_else(|| refused("it must be gs://BUCKET/OBJECT, or a URL that begins with https:// or http://"))?;
        let with_token = config.cloud.as_ref().is_some_and(|cloud| cloud.origin() == url.origin());
        Ok(Self { url, with_token, roots: config.ca.clone().filter(|_| with_token) })
    }

    /// What stays the same between two starts. A signed URL has a new query each time, and names no other object by it.
    pub(super) fn key(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        url.into()
    }
}

/// `{cloud}/v1/{device}/objects/{bucket}/{object}`, each part encoded.
fn object_url(cloud: &Url, device: &str, name: &str) -> Option<Url> {
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() < 2 || parts.iter().any(|part| ["", ".", ".."].contains(part)) {
        return None;
    }
    let mut url = cloud.clone();
    url.path_segments_mut().ok()?.clear().push("v1").extend(device.split('/')).push("objects").extend(parts);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        let device = "device = \"projects/p-1/locations/l/registries/reg/devices/dev%2\"\nprivate_key = \"k\"\nbridge = \"mqtts://b\"\n";
        Config::parse(&format!("{device}{more}")).unwrap()
    }

    #[test]
    fn a_name_becomes_a_url_below_the_device() {
        let source = Source::read("gs://files/a b/c:d%2e?#.bin", &config("cloud = \"https://c.example:8443\"\n")).unwrap();
        let expected =
            "https://c.example:8443/v1/projects/p-1/locations/l/registries/reg/devices/dev%252/objects/files/a%20b/c:d%252e%3F%23.bin";
        assert_eq!((source.url.as_str(), source.with_token), (expected, true));
        let own_roots = Source::read("gs://files/x", &config("cloud = \"https://c.example\"\nca = \"r.pem\"\n")).unwrap();
        assert_eq!((own_roots.url.query(), own_roots.roots), (Some("redirect=false"), Some("r.pem".into())));
    }

    #[test]
    fn the_token_goes_to_the_cloud_alone() {
        let config = config("cloud = \"https://c.example\"\nca = \"r.pem\"\n");
        for (url, with_token) in [
            ("https://c.example/x", true),
            ("https://c.example:443/x", true),
            ("http://c.example/x", false),
            ("https://c.example:8443/x", false),
            ("https://c.example.evil/x", false),
            ("https://c.example@evil/x", false),
            ("https://storage.example/x?sig=1", false),
        ] {
            let source = Source::read(url, &config).unwrap();
            assert_eq!((source.with_token, source.roots.is_some()), (with_token, with_token), "{url}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        let config = config("cloud = \"https://c.example\"\n");
        for given in ["", "file", "gs://", "gs://bucket", "gs://bucket/", "gs://bucket/a//b", "gs://bucket/../x", "ftp://x/y", "http://"] {
            assert!(Source::read(given, &config).is_err(), "{given}");
        }
        let e = Source::read("gs://bucket/x", &self::config("")).unwrap_err();
        assert!(e.is_usage() && e.to_string().contains("no key `cloud`"), "{e}");
    }
}
