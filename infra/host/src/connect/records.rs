//! Records: on this machine's disk, in memory, in Firestore, or in DynamoDB.

use std::path::Path;

use domain::ports::Stores;
use infra_aws::{Aws, Table};
use infra_gcp::Database;

use super::{ConnectError, Emulators, endpoint, schemes};

/// The database that a project has when it was given no name.
const DEFAULT_DATABASE: &str = "(default)";

pub(super) async fn connect(url: &str, emulators: &Emulators, aws: &Aws) -> Result<Stores, ConnectError> {
    match url.split_once(':') {
        Some(("sled", folder)) if !folder.is_empty() => Ok(infra_local::sled_stores(Path::new(folder))?),
        Some(("memory", "")) => Ok(infra_local::memory_stores()),
        Some(("firestore", rest)) if rest.starts_with("//") => {
            let (project, database) = rest[2..].split_once('/').unwrap_or((&rest[2..], DEFAULT_DATABASE));
            let refused = |source| ConnectError::Project { url: url.into(), source };
            let database = Database::new(project.parse().map_err(refused)?, database, endpoint(emulators.firestore.as_ref(), emulators))?;
            Ok(infra_gcp::firestore_stores(&database).await?)
        }
        Some(("dynamodb", table)) if table.starts_with("//") => {
            let table = Table::new(&table[2..])?;
            Ok(infra_aws::dynamodb_stores(aws.config().await, &table))
        }
        _ => Err(ConnectError::UnknownScheme { port: "records", url: url.into(), known: schemes::RECORDS }),
    }
}
