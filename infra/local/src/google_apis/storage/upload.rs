//! Uploads: the bytes alone, after their metadata, or in as many requests as it takes.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use domain::objects::{Interruption, ObjectName, Upload, Uploaded};
use domain::ports::ObjectStore as _;
use futures_util::StreamExt as _;
use tokio::sync::MutexGuard;

use super::content_range::ContentRange;
use super::multipart::{self, Metadata};
use super::preconditions::Preconditions;
use super::sessions::{Session, Sessions};
use super::{CREATE, DELETE, Params, Storage, failed, resource};
use crate::objects::Written;
use crate::security_token_service::error::Google;

/// Largest metadata of a resumable upload in bytes.
const METADATA_LIMIT: usize = 64 * 1024;
/// Says that the upload goes on; Google's clients know it by this number, which elsewhere is Permanent Redirect.
const RESUME_INCOMPLETE: StatusCode = StatusCode::PERMANENT_REDIRECT;
const UPLOAD_ID: HeaderName = HeaderName::from_static("x-guploader-uploadid");

pub(super) async fn begin(
    State(storage): State<Storage>,
    Path(bucket): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Google> {
    let params = Params::of(&uri);
    match params.text("uploadType").unwrap_or("media") {
        "media" => {
            let upload = Begun { storage: &storage, bucket: &bucket, params: &params, headers: &headers };
            upload.write(Metadata::default(), bytes_of(body)).await
        }
        "multipart" => {
            let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            let (metadata, media) = multipart::split(content_type, body).await.map_err(Google::invalid)?;
            Begun { storage: &storage, bucket: &bucket, params: &params, headers: &headers }.write(metadata, media).await
        }
        "resumable" => Begun { storage: &storage, bucket: &bucket, params: &params, headers: &headers }.start(body).await,
        other => Err(Google::invalid(format!("uploadType `{}` is none of media, multipart, resumable", other.escape_debug()))),
    }
}

fn bytes_of(body: Body) -> Upload {
    body.into_data_stream().map(|chunk| chunk.map_err(|e| Interruption::Cut(e.to_string()))).boxed()
}

/// A request for an upload.
struct Begun<'a> {
    storage: &'a Storage,
    bucket: &'a str,
    params: &'a Params,
    headers: &'a HeaderMap,
}

impl Begun<'_> {
    /// The object, once the caller may create it, and delete what is there.
    async fn admit(&self, metadata: &Metadata) -> Result<ObjectName, Google> {
        let object = self.params.text("name").or(metadata.name.as_deref()).ok_or_else(|| Google::invalid("Required: the object's name"))?;
        let name = self.storage.admit(self.headers, self.bucket, object, CREATE)?;
        if self.storage.objects.stat(&name).await.map_err(failed)?.is_some() {
            self.storage.admit(self.headers, self.bucket, object, DELETE)?;
        }
        Ok(name)
    }

    fn expected(&self) -> Result<Option<u64>, Google> {
        Preconditions::read(self.params)?.of_write()
    }

    async fn write(self, metadata: Metadata, content: Upload) -> Result<Response, Google> {
        let name = self.admit(&metadata).await?;
        let (expected, crc32c) = (self.expected()?, announced(&metadata, self.headers)?);
        let written = self.storage.objects.write_if(&name, content, crc32c, expected).await.map_err(failed)?;
        answer(&name, written)
    }

    async fn start(self, body: Body) -> Result<Response, Google> {
        let body = to_bytes(body, METADATA_LIMIT).await.map_err(|e| Google::invalid(e.to_string()))?;
        let metadata = if body.is_empty() { Ok(Metadata::default()) } else { serde_json::from_slice(&body) };
        let metadata = metadata.map_err(|e| Google::invalid(format!("Invalid JSON payload received. {e}")))?;
        let name = self.admit(&metadata).await?;
        let (expected, crc32c) = (self.expected()?, announced(&metadata, self.headers)?);
        let id = self.storage.sessions.begin(&self.storage.objects, name, expected, crc32c);
        let full =
            || Google::exhausted(format!("{} resumable uploads are under way, which is the limit: try again later", Sessions::LIMIT));
        let id = id.ok_or_else(full)?;
        let location = format!("{}/upload/storage/v1/b/{}/o?uploadType=resumable&upload_id={id}", self.reached_at(), self.bucket);
        let headers = [(header::LOCATION, location), (UPLOAD_ID, id)];
        Ok((headers, ()).into_response())
    }

    /// Where the caller reaches us: what it calls us if that has a port, which not every client says.
    fn reached_at(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|v| v.to_str().ok());
        let base = self.storage.access.base();
        match host.filter(|host| host.contains(':') || base.is_empty()) {
            Some(host) => format!("{}://{host}", base.split_once("://").map_or("http", |(scheme, _)| scheme)),
            None => base.to_owned(),
        }
    }
}

/// The checksum that the bytes must have.
fn announced(metadata: &Metadata, headers: &HeaderMap) -> Result<Option<u32>, Google> {
    let hashes = headers.get_all("x-goog-hash").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    let text = metadata.crc32c.clone().or_else(|| hashes.filter_map(|h| h.trim().strip_prefix("crc32c=")).map(str::to_owned).next());
    let read =
        |text: String| resource::read_crc32c(&text).ok_or_else(|| Google::invalid(format!("Invalid crc32c `{}`", text.escape_debug())));
    text.map(read).transpose()
}

/// A part of a resumable upload, or the question how far it is.
pub(super) async fn resume(State(storage): State<Storage>, uri: Uri, headers: HeaderMap, body: Body) -> Result<Response, Google> {
    let params = Params::of(&uri);
    let id = params.text("upload_id").ok_or_else(|| Google::invalid("Required parameter: upload_id"))?;
    let unknown = || Google::not_found("There is no such upload: begin anew");
    let session = storage.sessions.find(id).ok_or_else(unknown)?;
    let mut session = session.lock().await;
    if let Some(stored) = &session.stored {
        return Ok(Json(resource::object(&session.name, stored)).into_response());
    }
    let range = match headers.get(header::CONTENT_RANGE) {
        Some(value) => Some(value.to_str().ok().and_then(ContentRange::read).ok_or_else(|| Google::invalid("Invalid Content-Range"))?),
        None => None,
    };
    let is_whole = feed(&mut session, range, body).await?;
    if !is_whole {
        return Ok(incomplete(session.received));
    }
    let written = session.finish().await.map_err(failed)?;
    if session.stored.is_none() {
        storage.sessions.forget(id);
    }
    answer(&session.name, written)
}

/// Hands on what is new; answers whether the object is whole.
async fn feed(session: &mut MutexGuard<'_, Session>, range: Option<ContentRange>, body: Body) -> Result<bool, Google> {
    let (first, end) = match range {
        // Without a range it is all of it, in one request.
        None => (0, u64::MAX),
        Some(ContentRange { bytes: None, .. }) => return Ok(range.is_some_and(|r| r.ends_at(session.received))),
        Some(ContentRange { bytes: Some(bytes), .. }) => bytes,
    };
    let mut skip = session
        .received
        .checked_sub(first)
        .ok_or_else(|| Google::invalid(format!("the bytes from {first} on do not follow the {} that are here", session.received)))?;
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|e| Google::invalid(format!("the upload was cut off: {e}")))?;
        // What came twice is passed over; what goes past the range is not of this upload.
        let known = skip.min(chunk.len() as u64);
        skip -= known;
        let _known = chunk.split_to(usize::try_from(known).unwrap_or(chunk.len()));
        chunk.truncate(usize::try_from(end - session.received).unwrap_or(usize::MAX));
        if !chunk.is_empty() && session.take(chunk).await.is_err() {
            return Ok(true);
        }
    }
    Ok(range.is_none_or(|range| range.ends_at(session.received)))
}

fn incomplete(received: u64) -> Response {
    let mut response = RESUME_INCOMPLETE.into_response();
    if let Some(last) = received.checked_sub(1)
        && let Ok(value) = HeaderValue::from_str(&format!("bytes=0-{last}"))
    {
        response.headers_mut().insert(header::RANGE, value);
    }
    response
}

fn answer(name: &ObjectName, written: Written) -> Result<Response, Google> {
    match written {
        Written::Uploaded(Uploaded::Stored(info)) => Ok(Json(resource::object(name, &info)).into_response()),
        Written::Uploaded(Uploaded::Interrupted(why)) => Err(Google::invalid(why.to_string())),
        Written::Uploaded(Uploaded::Mismatch { arrived }) => {
            let arrived = resource::crc32c_text(arrived);
            Err(Google::invalid(format!("Provided CRC32C doesn't match calculated CRC32C \"{arrived}\".")))
        }
        Written::Unexpected => Err(Google::condition_not_met()),
    }
}
