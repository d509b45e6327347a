//! Failures in words, with what to do.

use std::error::Error;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use domain::PortError;

/// What a failed request comes to.
pub(super) fn failed<E, R>(table: &str, error: &SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let SdkError::ServiceError(refused) = error else {
        return PortError::passing("records", format!("DynamoDB, `{table}`: {}", DisplayErrorContext(error)));
    };
    let code = refused.err().code().unwrap_or("Unknown");
    let told = format!("DynamoDB, `{table}`: {code}: {}", refused.err().message().unwrap_or_default());
    match code {
        "ResourceNotFoundException" => PortError::lasting("records", format!("{told}: create the table (terraform/modules/aws/records)")),
        "AccessDeniedException" | "UnrecognizedClientException" => {
            let actions = "dynamodb:GetItem, PutItem, DeleteItem and Query";
            PortError::lasting("records", format!("{told}: grant {actions} on the table"))
        }
        "ValidationException" => PortError::lasting("records", told),
        _ => PortError::passing("records", told),
    }
}
