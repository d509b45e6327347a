//! Adapters for AWS: records in DynamoDB, commands over AWS IoT, signing keys in KMS, secrets.

pub mod dynamodb;
mod environment;
mod failure;
pub mod iot;
pub mod secrets;
pub mod signing_keys;

pub use dynamodb::{DynamoDbError, Table, dynamodb_stores};
pub use environment::{Aws, CALL_LIMIT};
pub use iot::AwsIot;
pub use signing_keys::{KmsKeys, KmsSigningKeys};
