//! The port on DynamoDB: one request for each call, a transaction where a record is larger than an item.

use std::marker::PhantomData;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::PortError;
use domain::ports::{Expect, Page, Records, Versioned, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::failed;
use super::item::{self, Item, KEY, KIND};
use super::parts;

/// Records of a page at most, whatever is asked for.
const MAX_PAGE: usize = 1_000;
/// How often a record is looked at that is replaced while it is read.
const LOOKS: usize = 5;

/// Records of one kind.
pub(super) struct DynamoDbRecords<T> {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) kind: &'static str,
    of: PhantomData<fn() -> T>,
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

impl<T: DeserializeOwned> DynamoDbRecords<T> {
    pub(super) fn new(client: Client, table: &str, kind: &'static str) -> Self {
        Self { client, table: table.to_owned(), kind, of: PhantomData }
    }

    async fn look(&self, key: &str) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let request = request.key(KIND, text(self.kind)).key(KEY, text(item::sort_key(key)?));
        Ok(request.send().await.map_err(|e| failed(&self.table, &e))?.item)
    }

    /// Items of `kind` from one sort key to another, both included.
    pub(super) async fn between(&self, kind: &str, from: String, to: String, limit: Option<usize>) -> Result<(Vec<Item>, bool), PortError> {
        let request = self.client.query().table_name(&self.table).consistent_read(true);
        let request = request.key_condition_expression("#kind = :kind AND #key BETWEEN :from AND :to");
        let request = request.expression_attribute_names("#kind", KIND).expression_attribute_names("#key", KEY);
        let request = request.expression_attribute_values(":kind", text(kind));
        let request = request.expression_attribute_values(":from", text(from)).expression_attribute_values(":to", text(to));
        let request = request.set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        let found = request.send().await.map_err(|e| failed(&self.table, &e))?;
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key.is_some()))
    }

    /// The record of `item`, its parts fetched; `None` when they are no longer there, because it was replaced.
    async fn whole(&self, key: &str, item: &Item) -> Result<Option<Versioned<T>>, PortError> {
        let (own, wanted) = (item::json(item)?, item::parts(item));
        if wanted == 0 {
            return item::decode(item, own).map(Some);
        }
        let version = item::version(item).unwrap_or_default();
        let sort_key = |part| parts::sort_key(key, version, part);
        let mut json = own.to_owned();
        for part in 1..=wanted {
            // One by one: together they may be larger than an answer.
            let (found, _) = self.between(&parts::kind_of_parts(self.kind), sort_key(part), sort_key(part), None).await?;
            let Some(found) = found.first() else { return Ok(None) };
            json += item::json(found)?;
        }
        item::decode(item, &json).map(Some)
    }
}

#[async_trait]
impl<T: Serialize + DeserializeOwned + Send + Sync> Records<T> for DynamoDbRecords<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        for _ in 0..LOOKS {
            let Some(item) = self.look(key).await? else { return Ok(None) };
            if let Some(whole) = self.whole(key, &item).await? {
                return Ok(Some(whole));
            }
        }
        Err(PortError::passing("records", format!("record `{key}` was replaced {LOOKS} times while it was read")))
    }

    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        let json = serde_json::to_string(value).map_err(|e| PortError::lasting("records", e))?;
        let version = item::new_version();
        let (own, further) = parts::split(self.kind, key, version, &json)?;
        if further.is_empty() {
            self.put_one(key, own, version, expect).await
        } else {
            self.put_all(key, own, further, version, expect).await
        }
    }

    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.remove(key, expect).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        let limit = limit.min(MAX_PAGE);
        let range = item::range(prefix, after)?.filter(|_| limit > 0);
        let Some((from, to)) = range else { return Ok(Page { items: vec![], next: None }) };
        // One more than asked for tells whether there is more.
        let (found, is_cut) = self.between(self.kind, from, to, Some(limit + 1)).await?;
        let mut keyed: Vec<_> = found.iter().filter_map(|item| Some((item::key(item)?, item))).collect();
        // It may be the first that starts at the key it ends with, where a key has no room for a zero behind it.
        keyed.retain(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let has_more = keyed.len() > limit || is_cut;
        keyed.truncate(limit);
        let next = if has_more { keyed.last().map(|(key, _)| key.clone()) } else { None };
        let mut items = Vec::with_capacity(keyed.len());
        for (key, item) in keyed {
            let whole = match self.whole(&key, item).await? {
                None => self.get(&key).await?,
                found => found,
            };
            items.extend(whole.map(|record| (key, record)));
        }
        Ok(Page { items, next })
    }
}
