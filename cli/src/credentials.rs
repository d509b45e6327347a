//! `drawbridge credentials`: the keys of a device, or the CA certificates of a registry.
//!
//! The API replaces the whole list, so a change is a read and a write: of two at once the later one wins.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Request;
use crate::error::usage;
use crate::flags::InRegistry;
use crate::key_file;
use crate::resource::Resource;
use crate::session::{Session, Verb};
use crate::table::{Column, cell, time};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge credentials create --device my-device --path device.pub.pem --type es256 \\
    --expiration-time 2036-01-01
  drawbridge credentials list --device my-device
  drawbridge credentials delete 0 --device my-device --quiet
  drawbridge credentials create --path ca.pem

Without --device the credentials are the CA certificates of the registry: with one, new device credentials must be certificates that it signed.
To change a key without a gap: create the new one, let the device use it, delete the old one.";

#[derive(Debug, Subcommand)]
pub(crate) enum Credentials {
    /// Add a credential.
    Create {
        #[command(flatten)]
        of: Of,
        /// The file of a public key or certificate (PEM).
        #[arg(long, value_name = "FILE")]
        path: PathBuf,
        /// What it is; needed with --device.
        #[arg(long = "type", value_name = "TYPE", value_parser = key_file::type_parser())]
        kind: Option<String>,
        /// When a device's key stops to count: a day, or a time as in 2036-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME", requires = "device")]
        expiration_time: Option<String>,
    },
    /// List the credentials, each with its index.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Delete a credential.
    Delete {
        /// Its index, from the list.
        index: usize,
        #[command(flatten)]
        of: Of,
    },
}

/// Whose credentials.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The device; without, the registry itself is meant.
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    #[command(flatten)]
    within: InRegistry,
}

impl Of {
    fn resource(&self, session: &Session) -> Result<Resource> {
        self.device.as_ref().map_or_else(|| session.within(&self.within), |id| session.device(&self.within, id))
    }
}

const OF_DEVICE: [Column; 3] =
    [("INDEX", |c| cell(&c["index"])), ("FORMAT", |c| cell(&c["publicKey"]["format"])), ("EXPIRES", |c| time(&c["expirationTime"]))];

const OF_REGISTRY: [Column; 3] = [
    ("INDEX", |c| cell(&c["index"])),
    ("SUBJECT", |c| cell(&c["publicKeyCertificate"]["x509Details"]["subject"])),
    ("EXPIRES", |c| time(&c["publicKeyCertificate"]["x509Details"]["expiryTime"])),
];

/// The list as it is; `None` when the request was printed instead.
fn read(session: &Session, about: &Resource) -> Result<Option<Vec<Value>>> {
    let found = session.send(&Request::get(about))?;
    Ok(found.map(|mut found| if let Value::Array(list) = found["credentials"].take() { list } else { Vec::new() }))
}

fn write(session: &Session, about: &Resource, list: &[Value], done: &str) -> Result<()> {
    let request = Request::patch(about, &["credentials"], json!({ "credentials": list }));
    session.change(&request, |_| format!("{done} {about}; it has {} now.", list.len()))
}

/// What `--curl` cannot know, it says.
const REST_IS_MISSING: &str = "# The next request replaces the list: it needs those credentials of the answer above that are to stay.";

impl Verb for Credentials {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { of, path, kind, expiration_time } => {
                let about = of.resource(session)?;
                let new = match (&of.device, kind) {
                    (None, _) => key_file::registry_credential(&path)?,
                    (Some(_), Some(kind)) => key_file::device_credential(&path, &kind, expiration_time.as_deref())?,
                    (Some(_), None) => return Err(usage(format!("--type says what the key is: {}", key_file::TYPES.join(", ")))),
                };
                let mut list = known(session, &about)?;
                list.push(new);
                write(session, &about, &list, "Added a credential to")
            }
            Self::List { of } => {
                let about = of.resource(session)?;
                let Some(mut list) = read(session, &about)? else { return Ok(()) };
                list.iter_mut().enumerate().for_each(|(index, c)| c["index"] = index.into());
                let columns = if of.device.is_some() { &OF_DEVICE } else { &OF_REGISTRY };
                session.rows(list, columns, &format!("The {about} has no credentials."))
            }
            Self::Delete { index, of } => {
                let about = of.resource(session)?;
                let mut list = known(session, &about)?;
                if session.prints() {
                    return write(session, &about, &list, "");
                }
                if index >= list.len() {
                    return Err(usage(format!("{about} has {} credentials; there is no index {index} (they count from 0)", list.len())));
                }
                session.confirm(&format!("Delete credential {index} of {about}?"))?;
                list.remove(index);
                write(session, &about, &list, "Deleted a credential of")
            }
        }
    }
}

/// The list to change; empty, with a note, when the requests are printed.
fn known(session: &Session, about: &Resource) -> Result<Vec<Value>> {
    match read(session, about)? {
        Some(list) => Ok(list),
        None => crate::table::print(&format!("{REST_IS_MISSING}\n")).map(|()| Vec::new()),
    }
}
