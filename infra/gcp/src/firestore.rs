//! # Records in Firestore
//!
//! Promise: an answered write is durable in the database's region or regions; a conditional write is atomic and says
//! `Conflict` only if nothing was written; a version never comes twice for a key; every call is answered within
//! [`CALL_LIMIT`], by an error that can be retried when Firestore is slow or out of reach. A write whose answer was lost is
//! sent again and then proved by the number it carries; where that proves nothing it is an error, never a guess.
//! Not promised: order between writers who expect [`Anything`](domain::ports::Expect::Anything).
//!
//! Layout: a collection for each kind, a document for each record (`key`, `document`). The version is the document's
//! update time, so a conditional write is one request and no transaction (docs/adr/0012). Listings are ranges of ids:
//! no index is needed. Bounds: a record takes at most 1,048,576 bytes as a document, a key 1,500 bytes as an id; a page
//! has at most 1,000 records and ends early at 4 MiB.
//!
//! Source: cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1.

mod client;
mod document;
mod key;
mod query;
mod records;

use std::sync::Arc;

use domain::ports::{Records, Stores};
use protocol::ProjectId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::client::Client;
use self::records::FirestoreRecords;
use crate::Endpoint;

pub use self::client::CALL_LIMIT;

/// A database of Firestore in Native mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    project: ProjectId,
    id: String,
    endpoint: Endpoint,
}

/// Why Firestore cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum FirestoreError {
    /// No name of a database.
    #[error("`{0}` is no Firestore database: expected `(default)`, or 4 to 63 small letters, digits and hyphens that start with a letter")]
    Database(String),
    /// The client, most often for want of credentials.
    #[error(
        "Firestore client: {0}: set GOOGLE_APPLICATION_CREDENTIALS, run where a service account is attached, or set FIRESTORE_EMULATOR_HOST"
    )]
    Client(String),
}

impl Database {
    /// The database `id` of `project`; most projects have one, `(default)`.
    pub fn new(project: ProjectId, id: &str, endpoint: Endpoint) -> Result<Self, FirestoreError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = (4..=63).contains(&id.len()) && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(legal);
        if id != "(default)" && !named {
            return Err(FirestoreError::Database(id.chars().take(64).collect()));
        }
        Ok(Self { project, id: id.to_owned(), endpoint })
    }

    fn name(&self) -> String {
        format!("projects/{}/databases/{}", self.project, self.id)
    }
}

/// All record stores in `database`. Nothing is sent yet, so a Firestore that is down shows at the first call. Must be
/// awaited on the runtime that will use them.
pub async fn firestore_stores(database: &Database) -> Result<Stores, FirestoreError> {
    let client = Arc::new(Client::new(database)?);
    Ok(Stores {
        registries: kind(&client, "registries"),
        devices: kind(&client, "devices"),
        device_numbers: kind(&client, "device-numbers"),
        configs: kind(&client, "configs"),
        states: kind(&client, "states"),
        statuses: kind(&client, "statuses"),
        commands: kind(&client, "commands"),
        broadcasts: kind(&client, "broadcasts"),
        bindings: kind(&client, "bindings"),
        issued_tokens: kind(&client, "issued-tokens"),
        policies: kind(&client, "policies"),
    })
}

fn kind<T: Serialize + DeserializeOwned + Send + Sync + 'static>(client: &Arc<Client>, collection: &'static str) -> Arc<dyn Records<T>> {
    Arc::new(FirestoreRecords::new(client.clone(), collection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_database_is_refused_with_the_shape_of_one() {
        let made = |id| Database::new("my-project".parse().unwrap(), id, Endpoint::Google);
        for good in ["(default)", "drawbridge", "a-1b"] {
            assert_eq!(made(good).unwrap().name(), format!("projects/my-project/databases/{good}"));
        }
        for bad in ["", "abc", "1abc", "Abcd", "ab/cd", "default)", &"a".repeat(64)] {
            assert!(made(bad).unwrap_err().to_string().contains("is no Firestore database: expected `(default)`"), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_client_is_made_without_asking_anybody() {
        let database = Database::new("my-project".parse().unwrap(), "(default)", Endpoint::Google).unwrap();
        assert!(firestore_stores(&database).await.is_ok());
    }
}
