//! The fields that flags set: the body of a creation, or body and mask of an update.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::client::Request;
use crate::error::usage;
use crate::resource::Resource;

/// Fields of a resource.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    body: Map<String, Value>,
    mask: Vec<&'static str>,
}

impl Changes {
    /// Sets a field if a flag did. A path of two names is a field of a field.
    pub(crate) fn set(&mut self, path: &'static str, value: Option<Value>) {
        let Some(value) = value else { return };
        match path.split_once('.') {
            None => self.body.insert(path.to_owned(), value),
            Some((outer, inner)) => {
                self.body.entry(outer).or_insert_with(|| json!({})).as_object_mut().and_then(|o| o.insert(inner.to_owned(), value))
            }
        };
        self.mask.push(path);
    }

    /// The body of a creation.
    pub(crate) fn with_id(mut self, id: &str) -> Value {
        self.body.insert("id".to_owned(), id.into());
        Value::Object(self.body)
    }

    /// An update of these fields; at least one.
    pub(crate) fn update(self, about: &Resource) -> Result<Request> {
        if self.mask.is_empty() {
            return Err(usage(format!("nothing to update in {about}: give a flag for each field to change (--help lists them)")));
        }
        Ok(Request::patch(about, &self.mask, Value::Object(self.body)))
    }
}

/// `--x` and `--no-x`: on, off, or not said.
pub(crate) fn switch(on: bool, off: bool) -> Option<bool> {
    (on || off).then_some(on)
}

/// `device-auth-token-only` is `DEVICE_AUTH_TOKEN_ONLY` in the API.
pub(crate) fn enum_name(flag: &str) -> Value {
    flag.replace('-', "_").to_uppercase().into()
}
