//! Calls to Firestore over one gRPC connection: each within a time, sent again where that is safe.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::tonic::metadata::{MetadataMap, MetadataValue};
use gcloud_sdk::tonic::transport::{Channel, ClientTlsConfig, Endpoint as Address};
use gcloud_sdk::tonic::{Code, Request, Status};
use google_cloud_auth::credentials::Credentials;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Database, FirestoreError};
use crate::Endpoint;

/// How long a call may take, with all its attempts: a sixth of a device's usual 60 s keepalive.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long one attempt may take: Firestore answers in 5 to 50 ms, in 1 s when it splits a busy range of keys.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// How long after we gave up Firestore may still begin what was asked: told with each request, so that a write which lay
/// in a buffer does not come after newer ones. More than nothing, so that our own limit is the one that ends an attempt.
const LEFT_BEHIND: Duration = Duration::from_millis(500);
/// Attempts of one call.
const ATTEMPTS: u32 = 4;
/// The longest wait before the second attempt; it doubles with each, and between half and all of it is waited.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Probes on an idle connection, so that a dead one is noticed before it is needed. Google closes it to who asks oftener.
const PROBE_EVERY: Duration = Duration::from_secs(60);
const GOOGLE: &str = "https://firestore.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/datastore";

pub(super) type Stub = FirestoreClient<Channel>;

/// A call that ended without an answer, or with a refusal.
#[derive(Debug)]
pub(super) struct Failure {
    /// What the last attempt came to.
    pub(super) status: Status,
    /// Whether an attempt may have reached Firestore and had its effect.
    pub(super) unsure: bool,
}

/// A client of one database.
pub(super) struct Client {
    /// `projects/…/databases/…`.
    pub(super) database: String,
    address: Address,
    /// `None` for the emulator.
    credentials: Option<Credentials>,
    routing: MetadataMap,
    /// The connection, and how many there were before it.
    channel: RwLock<(u64, Channel)>,
}

impl Client {
    /// Prepares a client; it connects with the first call.
    pub(super) fn new(database: &Database) -> Result<Self, FirestoreError> {
        let failed = |e: &dyn std::fmt::Display| FirestoreError::Client(e.to_string());
        let (url, credentials) = match &database.endpoint {
            Endpoint::Google | Endpoint::Federated(_) => {
                (GOOGLE.to_owned(), Some(database.endpoint.credentials(SCOPE).map_err(|e| failed(&e))?))
            }
            Endpoint::Emulator(address) => (format!("http://{address}"), None),
        };
        let mut address = Address::from_shared(url).map_err(|e| failed(&e))?.connect_timeout(ATTEMPT_LIMIT);
        address = address.http2_keep_alive_interval(PROBE_EVERY).keep_alive_timeout(ATTEMPT_LIMIT).keep_alive_while_idle(true);
        if credentials.is_some() {
            address = address.tls_config(ClientTlsConfig::new().with_webpki_roots()).map_err(|e| failed(&e))?;
        }
        let database = database.name();
        let mut routing = MetadataMap::new();
        routing.insert("google-cloud-resource-prefix", MetadataValue::try_from(&database).map_err(|e| failed(&e))?);
        let channel = RwLock::new((0, address.connect_lazy()));
        Ok(Self { database, address, credentials, routing, channel })
    }

    /// A deadline for a call that starts now.
    pub(super) fn deadline() -> Instant {
        Instant::now() + CALL_LIMIT
    }

    /// Sends `request`, again after failures that pass, until `deadline`.
    pub(super) async fn call<Q, A, F>(&self, deadline: Instant, request: &Q, send: impl Fn(Stub, Request<Q>) -> F) -> Result<A, Failure>
    where
        Q: Clone,
        F: Future<Output = Result<A, Status>>,
    {
        let (mut attempt, mut unsure) = (1, false);
        loop {
            let status = match self.attempt(deadline, request.clone(), &send).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            unsure |= may_have_had_effect(status.code());
            let wait = (FIRST_WAIT * (1 << (attempt - 1))).mul_f64(rand::random::<f64>().midpoint(1.0));
            if !passes(status.code()) || attempt == ATTEMPTS || Instant::now() + wait >= deadline {
                return Err(Failure { status, unsure });
            }
            sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt<Q, A, F>(&self, deadline: Instant, message: Q, send: impl Fn(Stub, Request<Q>) -> F) -> Result<A, Status>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let (generation, channel) = self.channel.read().unwrap_or_else(PoisonError::into_inner).clone();
        let began = Instant::now();
        let until = deadline.min(began + ATTEMPT_LIMIT);
        let answer = timeout_at(until, async {
            let mut request = Request::new(message);
            *request.metadata_mut() = self.metadata().await?;
            request.set_timeout(until - began + LEFT_BEHIND);
            send(FirestoreClient::new(channel), request).await
        });
        answer.await.unwrap_or_else(|_| {
            // A line that swallows everything looks the same as a slow server: the next attempt takes a new connection,
            // and what others have under way on this one may still finish. That is one connection in three seconds at most.
            if until < deadline {
                self.reconnect(generation);
            }
            Err(Status::deadline_exceeded(format!("no answer within {:.1} s", (until - began).as_secs_f64())))
        })
    }

    async fn metadata(&self) -> Result<MetadataMap, Status> {
        let Some(credentials) = &self.credentials else {
            let mut owner = self.routing.clone();
            owner.insert("authorization", MetadataValue::from_static("Bearer owner"));
            return Ok(owner);
        };
        let got = credentials
            .headers(Default::default())
            .await
            .map_err(|e| if e.is_transient() { Status::unavailable(e.to_string()) } else { Status::unauthenticated(e.to_string()) })?;
        let google_cloud_auth::credentials::CacheableResource::New { data, .. } = got else {
            return Err(Status::internal("credentials say that nothing changed, and nothing was known"));
        };
        let mut metadata = MetadataMap::from_headers(data);
        for entry in self.routing.iter() {
            if let gcloud_sdk::tonic::metadata::KeyAndValueRef::Ascii(key, value) = entry {
                metadata.insert(key, value.clone());
            }
        }
        Ok(metadata)
    }

    fn reconnect(&self, generation: u64) {
        let mut channel = self.channel.write().unwrap_or_else(PoisonError::into_inner);
        if channel.0 == generation {
            *channel = (generation + 1, self.address.connect_lazy());
        }
    }
}

/// Whether the same call may succeed later without anybody's help. `Unknown` and `Internal` are what a connection that
/// breaks comes to.
pub(super) fn passes(code: Code) -> bool {
    matches!(code, Code::Aborted | Code::ResourceExhausted) || may_have_had_effect(code)
}

fn may_have_had_effect(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown | Code::Internal)
}
