//! Files of devices: in a folder, or in the buckets that their names say.

use std::sync::Arc;

use domain::ports::ObjectStore;
use infra_gcp::CloudObjects;

use super::{ConnectError, Emulators, FolderObjects, endpoint, schemes};

/// The store, and the folder if it is one.
type Connected = (Arc<dyn ObjectStore>, Option<FolderObjects>);

pub(super) fn connect(url: &str, emulators: &Emulators) -> Result<Connected, ConnectError> {
    match url.split_once(':') {
        #[cfg(feature = "full")]
        Some(("folder", folder)) if !folder.is_empty() => {
            let refused = |source| ConnectError::Objects { folder: folder.into(), source };
            let folder = FolderObjects::open(std::path::Path::new(folder)).map_err(refused)?;
            Ok((Arc::new(folder.clone()), Some(folder)))
        }
        Some(("gs", "//")) => Ok((Arc::new(CloudObjects::new(endpoint(emulators.storage.as_ref(), emulators))), None)),
        #[cfg(not(feature = "full"))]
        Some((scheme @ "folder", _)) => Err(crate::left_out::LeftOut::new("objects", scheme).into()),
        _ => Err(ConnectError::UnknownScheme { port: "objects", url: url.into(), known: schemes::OBJECTS }),
    }
}
