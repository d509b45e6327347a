//! How far a token opens Cloud Storage: for the devices of a registry with object rules no further than these.
//!
//! A registry without object rules leaves Cloud Storage to IAM, as Cloud IoT Core did. One with rules holds every token
//! to them that opens Cloud Storage; a scope that opens other services too cannot be held, and is refused. Decided in
//! docs/adr/0009-storage-tokens-are-held-to-object-rules.md.

use domain::objects::Folder;
use domain::token::Scope;
use domain::{Device, Registry};

use crate::ExchangeError;

/// What the scopes of Cloud Storage alone begin with.
const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.";
/// Scopes that open Cloud Storage and more: those that its JSON API lists beside its own.
const BROAD: [&str; 2] = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/cloud-platform.read-only"];

/// The folders that a token of `scope` shall be held to; none when it needs no boundary.
pub(crate) fn folders(device: &Device, registry: &Registry, scope: &Scope) -> Result<Vec<Folder>, ExchangeError> {
    let opens_storage = scope.parts().any(|part| part.starts_with(STORAGE) || BROAD.contains(&part));
    if registry.object_rules.is_empty() || !opens_storage {
        return Ok(Vec::new());
    }
    let refused = |why| ExchangeError::Unbounded { scope: scope.clone(), registry: registry.name.clone(), why };
    if !scope.parts().all(|part| part.starts_with(STORAGE)) {
        return Err(refused("ask for `https://www.googleapis.com/auth/devstorage.…` alone, and for other services in another request"));
    }
    let folders: Vec<_> = registry.object_rules.iter().filter_map(|rule| rule.folder_of(device)).collect();
    if folders.is_empty() { Err(refused("none of the rules leaves room for an object of this device")) } else { Ok(folders) }
}
