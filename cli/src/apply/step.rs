//! One step of a plan, its request, and how it reads.

use std::fmt;

use reqwest::Method;
use serde_json::{Map, Value};

use super::policy::Replaced;
use crate::client::Request;
use crate::resource::Resource;

/// A value longer than this is cut when it is shown.
const SHOWN_CHARS: usize = 60;

/// A field that changes.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) field: &'static str,
    pub(super) from: Value,
    pub(super) to: Value,
}

/// What happens.
#[derive(Debug)]
pub(super) enum Action {
    Create(Map<String, Value>),
    Update(Vec<Change>),
    SetPolicy(Replaced),
    Delete,
}

/// It happens to this.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) about: Resource,
    pub(super) action: Action,
}

impl Step {
    pub(super) fn request(&self) -> Request {
        match &self.action {
            Action::Create(fields) => {
                let mut body = fields.clone();
                body.insert("id".to_owned(), self.about.id().into());
                Request::create(&self.about, body.into())
            }
            Action::Update(changes) => {
                let mask: Vec<_> = changes.iter().map(|change| change.field).collect();
                let body: Map<_, _> = changes.iter().map(|change| (change.field.to_owned(), change.to.clone())).collect();
                Request::patch(&self.about, &mask, body.into())
            }
            Action::SetPolicy(policy) => Request::new(Method::POST, &self.about).verb("setIamPolicy").body(policy.body()),
            Action::Delete => Request::new(Method::DELETE, &self.about),
        }
    }

    pub(super) fn verb(&self) -> &'static str {
        match self.action {
            Action::Create(_) => "create",
            Action::Update(_) | Action::SetPolicy(_) => "update",
            Action::Delete => "delete",
        }
    }

    /// The fields that it sets.
    pub(super) fn fields(&self) -> Vec<&str> {
        match &self.action {
            Action::Create(fields) => fields.keys().map(String::as_str).collect(),
            Action::Update(changes) => changes.iter().map(|change| change.field).collect(),
            Action::SetPolicy(_) => vec!["iamPolicy"],
            Action::Delete => Vec::new(),
        }
    }
}

/// A line, and one more for each field that changes.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.action {
            Action::Create(_) => '+',
            Action::Update(_) | Action::SetPolicy(_) => '~',
            Action::Delete => '-',
        };
        if let Action::SetPolicy(policy) = &self.action {
            return write!(f, "{sign} IAM policy of {}\n{policy}", self.about.path_in_its_place());
        }
        writeln!(f, "{sign} {}", self.about.path_in_its_place())?;
        if let Action::Update(changes) = &self.action {
            for change in changes {
                writeln!(f, "    {}: {} -> {}", change.field, short(&change.from), short(&change.to))?;
            }
        }
        Ok(())
    }
}

/// JSON in one line, cut; it cannot drive a terminal, since JSON escapes what could.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN_CHARS { text } else { format!("{}…", text.chars().take(SHOWN_CHARS).collect::<String>()) }
}
