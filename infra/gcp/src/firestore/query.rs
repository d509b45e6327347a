//! A listing: the documents of a collection whose ids are in a range, in the order of their ids.

use gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use gcloud_sdk::google::firestore::v1::structured_query::composite_filter::Operator as Joined;
use gcloud_sdk::google::firestore::v1::structured_query::field_filter::Operator;
use gcloud_sdk::google::firestore::v1::structured_query::filter::FilterType;
use gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, CompositeFilter, Direction, FieldFilter, FieldReference, Filter, Order,
};
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{Document, RunQueryRequest, StructuredQuery, Value};
use gcloud_sdk::tonic::{Request, Status};

use super::client::Stub;
use super::{document, key};

/// Most records of a page, so that it is read within one attempt.
const PAGE_RECORDS: usize = 1000;
/// A page ends once its records have so many bytes: it stands in memory whole.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Which ids are asked for.
pub(super) struct Range<'a> {
    /// What they start with.
    pub(super) prefix: &'a str,
    /// What they come after; starts with the prefix.
    pub(super) after: Option<&'a str>,
}

impl Range<'_> {
    /// The query for one document more than `limit`, which tells whether there is a next page.
    pub(super) fn query(&self, parent: &str, collection: &str, limit: usize) -> RunQueryRequest {
        let name = |id: &str| format!("{parent}/{collection}/{id}");
        let from = match self.after {
            Some(after) => compare(Operator::GreaterThan, name(after)),
            None => compare(Operator::GreaterThanOrEqual, name(self.prefix)),
        };
        let to = compare(Operator::LessThan, name(&key::past(self.prefix)));
        let both = CompositeFilter { op: Joined::And.into(), filters: vec![from, to] };
        let by_name = Order { field: Some(by_name()), direction: Direction::Ascending.into() };
        let most = i32::try_from(limit.min(PAGE_RECORDS) + 1).unwrap_or(i32::MAX);
        let query = StructuredQuery {
            from: vec![CollectionSelector { collection_id: collection.to_owned(), all_descendants: false }],
            r#where: Some(Filter { filter_type: Some(FilterType::CompositeFilter(both)) }),
            order_by: vec![by_name],
            limit: Some(most),
            ..Default::default()
        };
        RunQueryRequest { parent: parent.to_owned(), query_type: Some(QueryType::StructuredQuery(query)), ..Default::default() }
    }
}

fn by_name() -> FieldReference {
    FieldReference { field_path: "__name__".to_owned() }
}

fn compare(op: Operator, name: String) -> Filter {
    let value = Some(Value { value_type: Some(ValueType::ReferenceValue(name)) });
    Filter { filter_type: Some(FilterType::FieldFilter(FieldFilter { field: Some(by_name()), op: op.into(), value })) }
}

/// Reads a page, and whether there is more.
pub(super) async fn read(mut stub: Stub, request: Request<RunQueryRequest>, limit: usize) -> Result<(Vec<Document>, bool), Status> {
    let mut answers = stub.run_query(request).await?.into_inner();
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(answer) = answers.message().await? {
        let Some(document) = answer.document else { continue };
        if page.len() == limit.min(PAGE_RECORDS) || bytes >= PAGE_BYTES {
            return Ok((page, true));
        }
        bytes += document::weight(&document);
        page.push(document);
    }
    Ok((page, false))
}
