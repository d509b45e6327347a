//! The reply to a REST request as the answer to a call: a message, or a status with its details.

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::http::HeaderMap;
use axum::response::Response;
use device_registry::pb::Any;
use device_registry::pb::google::rpc;
use edge::{ApiError, Code, NotServed};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tonic::Status;
use tonic::metadata::MetadataMap;
use tower::ServiceExt as _;

use super::methods::Method;

/// Text of a status at most. Text and details travel as headers, of which clients take 8 KiB in all unless told otherwise.
const MAX_TEXT: usize = 1024;
/// Details of a status at most, before base64.
const MAX_DETAILS: usize = 3 * 1024;

/// Sends `message` through `rest` as the request that it is.
pub(super) async fn call(
    rest: Router,
    method: &'static Method,
    metadata: HeaderMap,
    message: Bytes,
) -> Result<tonic::Response<Bytes>, Status> {
    let request = method.request(&metadata, &message).map_err(|refused| status(&refused.to_json()))?;
    let reply = rest.oneshot(request).await.unwrap_or_else(|never| match never {});
    let id: HeaderMap = reply.headers().get(edge::REQUEST_ID).map(|id| (edge::REQUEST_ID, id.clone())).into_iter().collect();
    let id = MetadataMap::from_headers(id);
    match message_of(method, reply).await {
        Ok(message) => Ok(tonic::Response::from_parts(id, message, tonic::Extensions::default())),
        Err(mut status) => {
            *status.metadata_mut() = id;
            Err(status)
        }
    }
}

async fn message_of(method: &Method, reply: Response) -> Result<Bytes, Status> {
    if reply.extensions().get::<NotServed>().is_some() {
        let text = format!("{} is not served by this process, whose DRAWBRIDGE_FUNCTIONS leaves its function out", method.name);
        return Err(Status::unimplemented(text));
    }
    let code = reply.status();
    // Ours, so as long as they have to be.
    let json = to_bytes(reply.into_body(), usize::MAX).await.map_err(|e| Status::internal(format!("the reply broke off: {e}")))?;
    if code.is_success() {
        let other = |e| Status::internal(format!("the reply to {} is not what it answers: {e}", method.name));
        return (method.message)(&json).map(Bytes::from).map_err(other);
    }
    let error: Value = serde_json::from_slice(&json).unwrap_or_default();
    Err(status(&error["error"]))
}

/// A refusal before there was a request.
pub(super) fn refused<B: Default>(why: &ApiError) -> Response<B> {
    status(&why.to_json()).into_http()
}

/// The object under `error` in a reply of Google's shape as a status; its details as `google.rpc.Status` has them.
fn status(error: &Value) -> Status {
    let code = error["status"].as_str().and_then(Code::named).map_or(tonic::Code::Unknown, |code| code.number().into());
    let text = error["message"].as_str().unwrap_or("no reason was given");
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    let details: Vec<Any> = error["details"].as_array().into_iter().flatten().filter_map(detail).collect();
    let whole = rpc::Status { code: code.into(), message: text.to_owned(), details };
    if whole.details.is_empty() || whole.encoded_len() > MAX_DETAILS {
        return Status::new(code, text);
    }
    Status::with_details(code, text, whole.encode_to_vec().into())
}

/// One of `details`, of the kinds that we write.
fn detail(json: &Value) -> Option<Any> {
    fn bytes<T: Message + DeserializeOwned>(json: &Value) -> Option<Vec<u8>> {
        T::deserialize(json).ok().map(|detail| detail.encode_to_vec())
    }
    let type_url = json["@type"].as_str()?;
    let value = match type_url.rsplit('/').next()? {
        "google.rpc.BadRequest" => bytes::<rpc::BadRequest>(json)?,
        "google.rpc.ErrorInfo" => bytes::<rpc::ErrorInfo>(json)?,
        _ => return None,
    };
    Some(Any { type_url: type_url.to_owned(), value: value.into() })
}
