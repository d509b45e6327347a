//! Failures in words, with what to do.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use domain::PortError;

use crate::failure::Service;

const DYNAMODB: Service = Service {
    part: "records",
    name: "DynamoDB",
    actions: "dynamodb:GetItem, PutItem, DeleteItem and Query",
    create: "create the table (terraform/modules/aws/records)",
};

/// What a failed request comes to.
pub(super) fn failed<E, R>(table: &str, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    DYNAMODB.failed(table, error)
}
