//! What each subcommand starts from, and how it answers.

use anyhow::{Context as _, Result};
use reqwest::Url;
use serde_json::Value;

use super::call::{Call, Held};
use super::flags::{Common, Format};
use super::print;
use super::send::Sender;
use super::urls::{Api, Bases};
use crate::client::is_loopback;
use crate::profile::Profile;
use crate::table;

/// One run of a subcommand.
#[derive(Debug)]
pub(super) struct Run {
    bases: Bases,
    json: bool,
    /// None: requests are printed.
    sender: Option<Sender>,
}

impl Run {
    /// The run, and the profile for what the subcommand itself needs of it.
    pub(super) fn open(common: Common) -> Result<(Self, Profile)> {
        let mut profile = Profile::read(common.profile.as_deref())?;
        let (urls, endpoints) = (std::mem::take(&mut profile.urls), profile.endpoints.clone());
        let bases = Bases::read(common.urls, profile.endpoint.clone(), endpoints, urls)?;
        let sender = if common.curl { None } else { Some(Sender::new()?) };
        Ok((Self { bases, json: common.json || common.format == Format::Json, sender }, profile))
    }

    /// `path` at the service.
    pub(super) fn url(&self, service: Api, path: &[&str]) -> Url {
        self.bases.url(service, path)
    }

    /// Who sends; `None` when requests are printed.
    pub(super) fn sender(&self) -> Option<&Sender> {
        self.sender.as_ref()
    }

    /// The answer; `None` when the request was printed instead.
    pub(super) fn send(&self, call: &Call<'_>) -> Result<Option<Value>> {
        let Some(sender) = &self.sender else {
            table::print(&print::line(call))?;
            return Ok(None);
        };
        warn_in_the_clear(call);
        sender.json(call).map(Some)
    }

    /// The token in `field` of the answer, and the answer; where requests are printed, a line that puts it into `variable`.
    pub(super) fn token(&self, call: &Call<'_>, field: &str, variable: &'static str) -> Result<(Held, Option<Value>)> {
        let Some(sender) = &self.sender else {
            table::print(&print::assignment(call, variable, field))?;
            return Ok((Held { secret: String::new().into(), variable }, None));
        };
        warn_in_the_clear(call);
        let answer = sender.json(call)?;
        let missing = || {
            format!(
                "{} at {} answered without `{field}`: is it that service? {} says where it is",
                call.service,
                call.place(),
                call.service.flag()
            )
        };
        let secret = answer[field].as_str().with_context(missing)?.to_owned().into();
        Ok((Held { secret, variable }, Some(answer)))
    }

    /// For programs the answer, for people `text`.
    pub(super) fn show(&self, answer: &Value, text: &str) -> Result<()> {
        table::print(&if self.json { format!("{answer:#}\n") } else { format!("{text}\n") })
    }
}

/// A token that goes over a network unencrypted is everybody's.
fn warn_in_the_clear(call: &Call<'_>) {
    if call.url.scheme() == "http" && !is_loopback(&call.url) {
        eprintln!("drawbridge: warning: a token goes unencrypted to {}: use https:// where you can", call.place());
    }
}
