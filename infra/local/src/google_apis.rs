//! # What the local stack's tokens open
//! Pub/Sub and Cloud Storage, as far as devices and their programs use them, over the ports of this installation. Google's
//! own client libraries work against it with another endpoint. Cloud IoT is the registry's own API.
//!
//! | path | stands for | over |
//! | --- | --- | --- |
//! | `/v1/projects/{p}/topics/{t}` and `:publish` | `pubsub.googleapis.com` | [`Publisher`], [`TopicLog`] |
//! | `/storage/v1/b…`, `/download/storage/v1/b…`, `/upload/storage/v1/b…` | `storage.googleapis.com`, JSON API | [`FolderObjects`] |
//!
//! Promise: each call needs a token of [`SecurityTokenService`], with a scope of the service, whose holder has a role with
//! the permission that Google asks for there: 401, then 403, then the answer. Objects are never whole in memory.
//! Otherwise than at Google, a topic is made by its first message and a bucket by its first object.

mod access;
mod pubsub;
mod storage;

use std::sync::Arc;

use axum::Router;
use domain::ports::Publisher;

use crate::{FolderObjects, SecurityTokenService, TopicLog};

/// What the APIs work with.
#[derive(Clone)]
pub struct GoogleApis {
    /// Who holds a token, and what they may do.
    pub access: Arc<SecurityTokenService>,
    /// Where messages go.
    pub publisher: Arc<dyn Publisher>,
    /// The topics, when they are on this machine's disk; at Pub/Sub itself they are managed there.
    pub topics: Option<TopicLog>,
    /// The objects, when they are on this machine's disk; without, Cloud Storage is not served.
    pub objects: Option<FolderObjects>,
}

impl GoogleApis {
    /// All paths. Good alone and below `edge::google_paths`, which turns `X:verb` into `X/~verb`.
    pub fn routes(self) -> Router {
        let storage = self.objects.clone().map(|objects| storage::routes(self.access.clone(), objects));
        pubsub::routes(self).merge(storage.unwrap_or_default())
    }
}
