//! What every verb starts from: flags, then variables, then the profile, then defaults; and how it answers.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use reqwest::Url;
use serde_json::Value;

use crate::client::{Client, Request, Token, is_loopback};
use crate::error::usage;
use crate::flags::{Common, DEFAULT_ENDPOINT, DEFAULT_PROJECT, Format, InRegistry, OnDevice, Paging};
use crate::profile::{Administered, Profile};
use crate::resource::Resource;
use crate::table::{self, Column};

/// A noun: its verbs, and the flags they share.
#[derive(Debug, clap::Args)]
pub(crate) struct Noun<V: Subcommand> {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: V,
}

/// What can be done with a noun.
pub(crate) trait Verb {
    fn run(self, session: &Session) -> Result<()>;
}

impl<V: Subcommand + Verb> Noun<V> {
    pub(crate) fn run(self) -> Result<()> {
        self.verb.run(&Session::open(self.common)?)
    }
}

/// One run of the program.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    project: String,
    region: Option<String>,
    registry: Option<String>,
    format: Format,
    quiet: bool,
}

impl Session {
    /// Reads the settings; nothing is sent yet.
    pub(crate) fn open(common: Common) -> Result<Self> {
        let profile = Profile::read(common.profile.as_deref())?;
        let at = endpoints(&common, &profile)?;
        let token = token(&common, &profile, &at)?;
        for endpoint in at.all().into_iter().filter(|at| token.is_some() && at.scheme() == "http" && !is_loopback(at) && !common.curl) {
            eprintln!("drawbridge: warning: the admin token goes unencrypted to {endpoint}: use https:// where you can");
        }
        Ok(Self {
            client: Client::new(at, token, common.curl)?,
            project: common.project.or(profile.project).unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            region: common.region.or(profile.region),
            registry: profile.registry,
            format: if common.json { Format::Json } else { common.format },
            quiet: common.quiet || common.curl,
        })
    }

    /// The place where registries are.
    pub(crate) fn location(&self) -> Result<Resource> {
        self.location_in(None)
    }

    /// The same; `region` goes before what the flags, variables and profile say.
    pub(crate) fn location_in(&self, region: Option<&str>) -> Result<Resource> {
        let missing = || usage("no region: give --region REGION (as in europe-west1), DRAWBRIDGE_REGION or `region` in the profile");
        Resource::location(&self.project, region.or(self.region.as_deref()).ok_or_else(missing)?)
    }

    /// A registry by id or full name.
    pub(crate) fn registry(&self, given: &str) -> Result<Resource> {
        Resource::registry(given, || self.location())
    }

    /// The registry that the flag, its variable or the profile names.
    pub(crate) fn within(&self, flags: &InRegistry) -> Result<Resource> {
        let missing = || usage("no registry: give --registry REGISTRY, DRAWBRIDGE_REGISTRY or `registry` in the profile");
        self.registry(flags.registry.as_ref().or(self.registry.as_ref()).ok_or_else(missing)?)
    }

    /// A device by id, number or full name.
    pub(crate) fn device(&self, flags: &InRegistry, given: &str) -> Result<Resource> {
        Resource::device(given, || self.within(flags))
    }

    /// The device that a verb is about.
    pub(crate) fn on(&self, flags: &OnDevice) -> Result<Resource> {
        self.device(&flags.within, flags.id())
    }

    /// `events` is `projects/{project}/topics/events`; full names and nothing stay.
    pub(crate) fn topic(&self, given: &str) -> String {
        if given.is_empty() || given.contains('/') { given.to_owned() } else { format!("projects/{}/topics/{given}", self.project) }
    }

    /// The answer; `None` when `--curl` printed the request instead.
    pub(crate) fn send(&self, request: &Request) -> Result<Option<Value>> {
        self.client.send(request)
    }

    /// Whether requests are printed and not sent.
    pub(crate) fn prints(&self) -> bool {
        self.client.only_print
    }

    /// Whether programs read the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// All rows of a list; none when the request was printed.
    pub(crate) fn all(&self, request: &Request, key: &str) -> Result<Vec<Value>> {
        Ok(self.client.list(request, key, &Paging::default())?.unwrap_or_default())
    }

    /// Sends, and says what was done: for people `text`, for programs the answer.
    pub(crate) fn change(&self, request: &Request, text: impl FnOnce(&Value) -> String) -> Result<()> {
        match self.send(request)? {
            None => Ok(()),
            Some(answer) => self.say(&answer, &text(&answer)),
        }
    }

    /// Says what was done: for people `text`, for programs the answer.
    pub(crate) fn say(&self, answer: &Value, text: &str) -> Result<()> {
        if self.format == Format::Json { self.show(answer) } else { table::print(&format!("{text}\n")) }
    }

    /// Asks, when somebody is there to be asked, and deletes.
    pub(crate) fn delete(&self, about: &Resource) -> Result<()> {
        self.confirm(&format!("Delete {about}?"))?;
        self.change(&Request::new(reqwest::Method::DELETE, about), |_| format!("Deleted {about}."))
    }

    /// Goes on at a yes, or when the input is no terminal.
    pub(crate) fn confirm(&self, question: &str) -> Result<()> {
        if self.quiet || !io::stdin().is_terminal() {
            return Ok(());
        }
        eprint!("{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        let yes = matches!(answer.trim(), "y" | "Y" | "yes");
        if yes { Ok(()) } else { Err(anyhow::anyhow!("nothing was changed")) }
    }

    /// Shows one resource.
    pub(crate) fn show(&self, value: &Value) -> Result<()> {
        table::print(&if self.format == Format::Json { format!("{value:#}\n") } else { table::details(value) })
    }

    /// Asks for one resource and shows it.
    pub(crate) fn describe(&self, request: &Request) -> Result<()> {
        self.send(request)?.map_or(Ok(()), |answer| self.show(&answer))
    }

    /// Shows rows; without any, people are told `none`.
    pub(crate) fn rows(&self, rows: Vec<Value>, columns: &[Column], none: &str) -> Result<()> {
        if self.format == Format::Json {
            return self.show(&Value::Array(rows));
        }
        if rows.is_empty() {
            eprintln!("{none}");
            return Ok(());
        }
        table::print(&table::table(&rows, columns))
    }

    /// Asks for all pages of a list and shows them.
    pub(crate) fn list(&self, request: &Request, key: &str, paging: &Paging, columns: &[Column], none: &str) -> Result<()> {
        let rows = self.client.list(request, key, paging)?;
        rows.map_or(Ok(()), |rows| self.rows(rows, columns, none))
    }
}

/// The flag or its variable is for all; in the profile each function may have its own.
fn endpoints(common: &Common, profile: &Profile) -> Result<Administered> {
    if let Some(all) = &common.endpoint {
        return Administered::read(&Default::default(), all);
    }
    Administered::read(&profile.endpoints, profile.endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT))
}

/// An endpoint: a URL without name and password.
pub(crate) fn url(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| usage(format!("endpoint `{text}` is no URL as in {DEFAULT_ENDPOINT}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(usage("the endpoint carries a name or password: a token is given by --admin-token or DRAWBRIDGE_ADMIN_TOKEN"));
    }
    Ok(url)
}

/// From flag or variable, profile, the profile's file, or the data folder. That last one is the token of an
/// installation on this machine and is sent nowhere else.
fn token(common: &Common, profile: &Profile, at: &Administered) -> Result<Option<Token>> {
    if let Some(secret) = &common.admin_token {
        return Ok(Some(Token { secret: secret.clone(), source: "--admin-token or DRAWBRIDGE_ADMIN_TOKEN".into() }));
    }
    if let Some(secret) = &profile.admin_token {
        return Ok(Some(Token { secret: secret.clone(), source: "the profile".into() }));
    }
    let read = |path: &Path| fs::read_to_string(path).map(|text| Token { secret: text.into(), source: path.display().to_string() });
    if let Some(path) = &profile.admin_token_file {
        return read(path).map(Some).map_err(|e| usage(format!("admin_token_file {}: {e}", path.display())));
    }
    Ok(if at.all().into_iter().all(is_loopback) { read(&common.data.join("admin-token")).ok() } else { None })
}
