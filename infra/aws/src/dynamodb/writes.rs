//! Writes: what they demand, and what a lost answer comes to.

use std::collections::HashMap;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use domain::PortError;
use domain::ports::{Expect, Written};
use serde::de::DeserializeOwned;

use super::failure::failed;
use super::item::{self, Item, KEY, KIND, VERSION};
use super::parts;
use super::records::{DynamoDbRecords, text};

/// What a write demands, in DynamoDB's words.
fn condition(expect: Expect) -> Option<String> {
    match expect {
        Expect::Anything => None,
        Expect::Absent => Some("attribute_not_exists(#version)".to_owned()),
        Expect::Version(_) => Some("#version = :expected".to_owned()),
    }
}

/// Names stand in expressions by a stand-in: DynamoDB has 573 words that may not stand there themselves.
fn names(expect: Expect) -> Option<HashMap<String, String>> {
    (expect != Expect::Anything).then(|| HashMap::from([("#version".to_owned(), VERSION.to_owned())]))
}

fn values(expect: Expect) -> Option<HashMap<String, AttributeValue>> {
    let Expect::Version(version) = expect else { return None };
    Some(HashMap::from([(":expected".to_owned(), AttributeValue::N(version.to_string()))]))
}

/// A refused write: a conflict, unless an attempt whose answer was lost had been carried out and the next one met it.
fn refused(found: Option<&Item>, version: u64) -> Written {
    if found.and_then(item::version) == Some(version) { Written::Stored(version) } else { Written::Conflict }
}

impl<T: DeserializeOwned> DynamoDbRecords<T> {
    /// Writes a record that one item holds.
    pub(super) async fn put_one(&self, key: &str, own: Item, version: u64, expect: Expect) -> Result<Written, PortError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(own)).set_condition_expression(condition(expect));
        let request = request.set_expression_attribute_values(values(expect)).set_expression_attribute_names(names(expect));
        let request = request.return_values(ReturnValue::AllOld);
        match request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).send().await {
            Ok(done) => {
                if done.attributes().is_some_and(|old| item::parts(old) > 0) {
                    self.remove_parts(key, Some(version)).await?;
                }
                Ok(Written::Stored(version))
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(met)) => Ok(refused(met.item(), version)),
                _ => Err(failed(&self.table, &error)),
            },
        }
    }

    /// Writes a record with its further parts, all or none of it.
    pub(super) async fn put_all(
        &self,
        key: &str,
        own: Item,
        further: Vec<Item>,
        version: u64,
        expect: Expect,
    ) -> Result<Written, PortError> {
        let bad = |e: aws_sdk_dynamodb::error::BuildError| PortError::lasting("records", e);
        let own = Put::builder().table_name(&self.table).set_item(Some(own)).set_condition_expression(condition(expect));
        let own = own.set_expression_attribute_values(values(expect)).set_expression_attribute_names(names(expect));
        let own = own.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).build().map_err(bad)?;
        let mut request = self.client.transact_write_items().transact_items(TransactWriteItem::builder().put(own).build());
        for part in further {
            let put = Put::builder().table_name(&self.table).set_item(Some(part)).build().map_err(bad)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match request.send().await {
            Ok(_) => {
                self.remove_parts(key, Some(version)).await?;
                Ok(Written::Stored(version))
            }
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(why)) => {
                    let own = why.cancellation_reasons().first();
                    match own.and_then(|reason| reason.code()) {
                        Some("ConditionalCheckFailed") => Ok(refused(own.and_then(|reason| reason.item()), version)),
                        _ => Err(PortError::passing("records", format!("DynamoDB, `{}`: {error:?}", self.table))),
                    }
                }
                _ => Err(failed(&self.table, &error)),
            },
        }
    }

    /// Removes a record and its parts.
    pub(super) async fn remove(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        let request = self.client.delete_item().table_name(&self.table).set_condition_expression(condition(expect));
        let request = request.key(KIND, text(self.kind)).key(KEY, text(item::sort_key(key)?)).return_values(ReturnValue::AllOld);
        let request = request.set_expression_attribute_values(values(expect)).set_expression_attribute_names(names(expect));
        // Nothing that is left tells who removed it: a second attempt would take its own first one for somebody else's.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        match request.customize().config_override(once).send().await {
            Ok(done) => {
                if done.attributes().is_some_and(|old| item::parts(old) > 0) {
                    self.remove_parts(key, None).await?;
                }
                Ok(Written::Stored(0))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(Written::Conflict),
            Err(error) => Err(failed(&self.table, &error)),
        }
    }

    /// Removes parts of older versions than `kept`, or of all.
    async fn remove_parts(&self, key: &str, kept: Option<u64>) -> Result<(), PortError> {
        let (kind, prefix) = (parts::kind_of_parts(self.kind), parts::prefix(key));
        let to = kept.map_or_else(|| format!("{prefix}~"), |version| parts::sort_key(key, version, 0));
        loop {
            let (found, is_cut) = self.between(&kind, prefix.clone(), to.clone(), None).await?;
            for item in found {
                let request = self.client.delete_item().table_name(&self.table);
                let request = request.set_key(Some(item.into_iter().filter(|(name, _)| name == KIND || name == KEY).collect()));
                request.send().await.map_err(|e| failed(&self.table, &e))?;
            }
            if !is_cut {
                return Ok(());
            }
        }
    }
}
