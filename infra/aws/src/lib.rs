//! Adapters for AWS: records in DynamoDB.

pub mod dynamodb;

pub use dynamodb::{DynamoDbError, Table, dynamodb_stores};
