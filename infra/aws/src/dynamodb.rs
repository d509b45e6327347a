//! # Records in DynamoDB
//!
//! Promise: an answered write is durable in the table's region; a conditional write is atomic and says `Conflict` only if
//! nothing was written; a version never comes twice for a key; reads see every answered write; every call is answered within
//! [`CALL_LIMIT`](crate::CALL_LIMIT), by an error that can be retried when DynamoDB is slow or out of reach.
//! Not promised: order between writers who expect [`Anything`](domain::ports::Expect::Anything).
//!
//! Layout: one table, an item for each record: `kind` (partition key), `key` (sort key), `version`, `json`. A kind is one
//! collection of items, which DynamoDB splits by sort key where it is busy; there is no local index, which would forbid
//! that. A record larger than an item has further ones (`parts`). Bounds: a record has some 1.6 MB as JSON, a key 1,023 bytes; a
//! page of a listing ends at 1 MB.
//!
//! Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html.

mod failure;
mod item;
mod parts;
mod records;
mod writes;

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use domain::ports::{Records, Stores};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::records::DynamoDbRecords;

/// A table's name: 3 to 255 letters, digits, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table(String);

/// Why DynamoDB cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbError {
    /// No name of a table.
    #[error("`{0}` is no DynamoDB table: expected 3 to 255 letters, digits, `_`, `-` and `.`")]
    Table(String),
}

impl Table {
    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, DynamoDbError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if !(3..=255).contains(&name.len()) || !name.chars().all(legal) {
            return Err(DynamoDbError::Table(name.chars().take(64).collect()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// All record stores in `table`. Nothing is sent yet, so a table that is missing shows at the first call.
pub fn dynamodb_stores(environment: &SdkConfig, table: &Table) -> Stores {
    let client = Client::new(environment);
    Stores {
        registries: kind(&client, table, "registries"),
        devices: kind(&client, table, "devices"),
        device_numbers: kind(&client, table, "device-numbers"),
        configs: kind(&client, table, "configs"),
        states: kind(&client, table, "states"),
        statuses: kind(&client, table, "statuses"),
        commands: kind(&client, table, "commands"),
        broadcasts: kind(&client, table, "broadcasts"),
        bindings: kind(&client, table, "bindings"),
        issued_tokens: kind(&client, table, "issued-tokens"),
        policies: kind(&client, table, "policies"),
    }
}

fn kind<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
    client: &Client,
    table: &Table,
    kind: &'static str,
) -> Arc<dyn Records<T>> {
    Arc::new(DynamoDbRecords::new(client.clone(), table.name(), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_refused_with_the_shape_of_one() {
        for good in ["abc", "drawbridge-records", "A_1.b"] {
            assert_eq!(Table::new(good).unwrap().name(), good);
        }
        for bad in ["", "ab", "a/b", "a b", &"a".repeat(256)] {
            assert!(Table::new(bad).unwrap_err().to_string().contains("is no DynamoDB table: expected 3 to 255"), "{bad}");
        }
    }
}
