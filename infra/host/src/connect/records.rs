//! Records: on this machine's disk, in memory, in Firestore, or in DynamoDB.

use domain::ports::Stores;
use infra_aws::{Aws, Table};

use super::{ConnectError, Emulators, schemes};

/// The database that a project has when it was given no name.
#[cfg(feature = "full")]
const DEFAULT_DATABASE: &str = "(default)";

#[cfg_attr(not(feature = "full"), allow(unused_variables, reason = "adapters that are left out would take them"))]
pub(super) async fn connect(url: &str, emulators: &Emulators, aws: &Aws) -> Result<Stores, ConnectError> {
    match url.split_once(':') {
        #[cfg(feature = "full")]
        Some(("sled", folder)) if !folder.is_empty() => Ok(infra_local::sled_stores(std::path::Path::new(folder))?),
        Some(("memory", "")) => Ok(infra_local::memory_stores()),
        #[cfg(feature = "full")]
        Some(("firestore", rest)) if rest.starts_with("//") => {
            let (project, database) = rest[2..].split_once('/').unwrap_or((&rest[2..], DEFAULT_DATABASE));
            let refused = |source| ConnectError::Project { url: url.into(), source };
            let at = super::endpoint(emulators.firestore.as_ref(), emulators);
            let database = infra_gcp::Database::new(project.parse().map_err(refused)?, database, at)?;
            Ok(infra_gcp::firestore_stores(&database).await?)
        }
        Some(("dynamodb", table)) if table.starts_with("//") => {
            let table = Table::new(&table[2..])?;
            Ok(infra_aws::dynamodb_stores(aws.config().await, &table))
        }
        #[cfg(not(feature = "full"))]
        Some((scheme @ ("sled" | "firestore"), _)) => Err(crate::left_out::LeftOut::new("records", scheme).into()),
        _ => Err(ConnectError::UnknownScheme { port: "records", url: url.into(), known: schemes::RECORDS }),
    }
}
