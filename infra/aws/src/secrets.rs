//! Secrets in AWS Secrets Manager, read once at the start: no environment, no state of Terraform holds them.

use aws_sdk_secretsmanager::Client;
use domain::PortError;
use domain::token::Secret;

use crate::Aws;
use crate::failure::Service;

const SECRETS: Service = Service {
    part: "secrets",
    name: "Secrets Manager",
    actions: "secretsmanager:GetSecretValue",
    create: "create the secret and put its value there (terraform/examples/aws/README.md)",
};

/// The text of the secret `id`, an ARN or a name, in its current version. Spaces and line ends around it do not count.
pub async fn read(aws: &Aws, id: &str) -> Result<Secret, PortError> {
    let client = Client::new(aws.config().await);
    let answer = client.get_secret_value().secret_id(id).send().await.map_err(|e| SECRETS.failed(id, &e))?;
    match answer.secret_string().map(str::trim) {
        Some(text) if !text.is_empty() => Ok(Secret::new(text)),
        _ => Err(PortError::lasting("secrets", format!("Secrets Manager, `{id}`: it holds no text: put the value there as a string"))),
    }
}
