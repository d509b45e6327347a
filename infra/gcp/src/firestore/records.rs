//! The port on Firestore: one document for each record, one request for each call.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use domain::PortError;
use domain::ports::{Expect, Page, Records, Versioned, Written};
use gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Looked;
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{BatchGetDocumentsRequest, CommitRequest, Document, Precondition, Write};
use gcloud_sdk::tonic::{Code, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::{Client, Failure, passes};
use super::{document, key, query};

/// Records of one kind.
pub(super) struct FirestoreRecords<T> {
    client: Arc<Client>,
    collection: &'static str,
    kind: PhantomData<fn() -> T>,
}

impl<T> FirestoreRecords<T> {
    pub(super) fn new(client: Arc<Client>, collection: &'static str) -> Self {
        Self { client, collection, kind: PhantomData }
    }

    fn name(&self, key: &str) -> Result<String, PortError> {
        Ok(format!("{}/documents/{}/{}", self.client.database, self.collection, key::id(key)?))
    }

    /// The document with that name. `BatchGetDocuments` says "missing" where `GetDocument` says the same as for a
    /// database that is not there.
    async fn look(&self, deadline: Instant, name: &str) -> Result<Option<Document>, PortError> {
        let database = self.client.database.clone();
        let request = BatchGetDocumentsRequest { database, documents: vec![name.to_owned()], ..Default::default() };
        let looked = self.client.call(deadline, &request, async |mut stub, request| {
            let mut answers = stub.batch_get_documents(request).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                match answer.result {
                    Some(Looked::Found(document)) => return Ok(Some(document)),
                    Some(Looked::Missing(_)) => return Ok(None),
                    None => {}
                }
            }
            Err(Status::unavailable("the answer to a read has no document in it"))
        });
        looked.await.map_err(|e| self.failed(&e.status))
    }

    /// Carries out one write; `write` is the number of the document that it makes, `None` when it removes one.
    async fn commit(&self, name: &str, operation: Operation, expect: Expect, write: Option<i64>) -> Result<Written, PortError> {
        let condition = match expect {
            Expect::Anything => None,
            Expect::Absent => Some(ConditionType::Exists(false)),
            Expect::Version(version) => match document::update_time(version) {
                Some(time) => Some(ConditionType::UpdateTime(time)),
                None => return Ok(Written::Conflict),
            },
        };
        let current_document = condition.map(|c| Precondition { condition_type: Some(c) });
        let one = Write { operation: Some(operation), current_document, ..Default::default() };
        let request = CommitRequest { database: self.client.database.clone(), writes: vec![one], ..Default::default() };
        let deadline = Client::deadline();
        let answer = self.client.call(deadline, &request, async |mut stub, request| Ok(stub.commit(request).await?.into_inner()));
        match answer.await {
            Ok(_) if write.is_none() => Ok(Written::Stored(0)),
            Ok(done) => {
                let time = done.write_results.first().and_then(|w| w.update_time.as_ref());
                let version = time.and_then(document::version);
                version
                    .map(Written::Stored)
                    .ok_or_else(|| PortError::lasting("records", "Firestore's answer to a write has no update time"))
            }
            Err(failure) if is_refusal(failure.status.code()) => self.settle(deadline, name, failure, expect, write).await,
            Err(failure) => Err(self.failed(&failure.status)),
        }
    }

    /// A write was refused for what is there. That is a conflict, unless an earlier attempt had been carried out.
    async fn settle(
        &self,
        deadline: Instant,
        name: &str,
        failure: Failure,
        expect: Expect,
        write: Option<i64>,
    ) -> Result<Written, PortError> {
        let told = failure.status.code();
        // Without a condition nothing can be in the way: the refusal is about the database.
        if expect == Expect::Anything || (told == Code::InvalidArgument && !matches!(expect, Expect::Version(_))) {
            return Err(self.failed(&failure.status));
        }
        if !failure.unsure && matches!(told, Code::AlreadyExists | Code::FailedPrecondition) {
            return Ok(Written::Conflict);
        }
        // `NotFound` is said of a document or of the database; `InvalidArgument` of a version that is yet to come, and of
        // much else.
        let found = self.look(deadline, name).await?;
        let version = found.as_ref().and_then(|f| f.update_time.as_ref()).and_then(document::version);
        if !failure.unsure {
            let is_as_expected = version.is_some_and(|v| expect == Expect::Version(v));
            return if is_as_expected { Err(self.failed(&failure.status)) } else { Ok(Written::Conflict) };
        }
        match (found, write) {
            (Some(ours), Some(write)) if document::is_by(&ours, write) => {
                version.map(Written::Stored).ok_or_else(|| PortError::lasting("records", format!("document `{name}` has no update time")))
            }
            _ => Err(PortError::passing("records", format!("the answer to a write of `{name}` was lost: it may have been carried out"))),
        }
    }

    /// A failure in words, with what to do.
    pub(super) fn failed(&self, status: &Status) -> PortError {
        let database = &self.client.database;
        let told = format!("Firestore, `{database}`: {:?}: {}", status.code(), status.message());
        match status.code() {
            code if passes(code) => PortError::passing("records", told),
            Code::PermissionDenied => PortError::lasting("records", format!("{told}: grant roles/datastore.user on the project")),
            Code::NotFound => PortError::lasting("records", format!("{told}: create it with `gcloud firestore databases create`")),
            _ => PortError::lasting("records", told),
        }
    }
}

/// Whether Firestore may mean that the document is not as the write expects it.
fn is_refusal(code: Code) -> bool {
    matches!(code, Code::AlreadyExists | Code::FailedPrecondition | Code::NotFound | Code::InvalidArgument)
}

#[async_trait]
impl<T: Serialize + DeserializeOwned + Send + Sync> Records<T> for FirestoreRecords<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        let found = self.look(Client::deadline(), &self.name(key)?).await?;
        found.map(|document| Ok(document::decode(&document)?.1)).transpose()
    }

    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        let json = serde_json::to_string(value).map_err(|e| PortError::lasting("records", e))?;
        let (name, write) = (self.name(key)?, rand::random());
        let document = document::encode(&name, json, write)?;
        self.commit(&name, Operation::Update(document), expect, Some(write)).await
    }

    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        let name = self.name(key)?;
        if expect == Expect::Absent {
            let found = self.look(Client::deadline(), &name).await?;
            return Ok(if found.is_some() { Written::Conflict } else { Written::Stored(0) });
        }
        self.commit(&name, Operation::Delete(name.clone()), expect, None).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        let after = after.filter(|a| *a >= prefix);
        if limit == 0 || after.is_some_and(|a| !a.starts_with(prefix)) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let parent = format!("{}/documents", self.client.database);
        let range = query::Range { prefix: &key::id(prefix)?, after: after.map(key::id).transpose()?.as_deref() }.query(
            &parent,
            self.collection,
            limit,
        );
        let read = self.client.call(Client::deadline(), &range, |stub, request| query::read(stub, request, limit));
        let (documents, more) = read.await.map_err(|e| self.failed(&e.status))?;
        let items = documents.iter().map(document::decode).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().map(|(key, _)| key.clone()).filter(|_| more);
        Ok(Page { items, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Endpoint};

    #[tokio::test]
    async fn a_failure_says_whether_it_passes_and_what_to_do() {
        let database = Database::new("my-project".parse().unwrap(), "(default)", Endpoint::Emulator("127.0.0.1:1".into())).unwrap();
        let records = FirestoreRecords::<u8>::new(Arc::new(Client::new(&database).unwrap()), "kinds");
        let said = |code| records.failed(&Status::new(code, "why"));
        for code in [Code::Unavailable, Code::Aborted, Code::DeadlineExceeded, Code::ResourceExhausted, Code::Internal, Code::Unknown] {
            assert!(said(code).is_retryable(), "{code:?}");
        }
        for code in [Code::PermissionDenied, Code::Unauthenticated, Code::InvalidArgument, Code::NotFound, Code::FailedPrecondition] {
            assert!(!said(code).is_retryable(), "{code:?}");
        }
        let text = "records: Firestore, `projects/my-project/databases/(default)`: PermissionDenied: why: grant roles/datastore.user";
        assert!(said(Code::PermissionDenied).to_string().starts_with(text));
        assert!(said(Code::NotFound).to_string().ends_with("create it with `gcloud firestore databases create`"));
    }
}
