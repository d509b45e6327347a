//! An installation, and calls of it.

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use device_registry::pb;
use host::local_stack::LocalIam;
use host::up::{self, Running};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::Value;
use tonic::Status;

use crate::support::{answer, config, iam, tokens};

pub(crate) const LOCATION: &str = "projects/local/locations/europe-west1";
pub(crate) const REGISTRY: &str = "projects/local/locations/europe-west1/registries/reg";
const SERVICE: &str = "google.cloud.iot.v1.DeviceManager";

/// `drawbridge up` with a registry.
pub(crate) struct Town {
    pub(crate) running: Running,
    pub(crate) grpc: Client,
    _data: tempfile::TempDir,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::under(None).await
    }

    /// Under this IAM policy.
    pub(crate) async fn under(policy: Option<Value>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let file = policy.map(|policy| {
            let file = data.path().join("policy.json");
            std::fs::write(&file, policy.to_string()).unwrap();
            file
        });
        let local = LocalIam { policy: file, ..iam() };
        let running = up::start(config(data.path(), tokens("", local))).await.unwrap();
        let mut grpc = Client::to(running.addresses.http).await;
        let registry = pb::DeviceRegistry { id: "reg".into(), ..Default::default() };
        let made: pb::DeviceRegistry = grpc.call("CreateDeviceRegistry", &create_registry(registry)).await.unwrap();
        assert_eq!(made.name, REGISTRY);
        Self { running, grpc, _data: data }
    }

    /// The same over REST.
    pub(crate) async fn rest(&self, verb: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}/v1/{path}", self.running.addresses.http);
        let request = reqwest::Client::new().request(verb.parse().unwrap(), url).bearer_auth("admin");
        answer(if body.is_null() { request } else { request.json(&body) }).await
    }
}

pub(crate) fn create_registry(registry: pb::DeviceRegistry) -> pb::CreateDeviceRegistryRequest {
    pb::CreateDeviceRegistryRequest { parent: LOCATION.into(), device_registry: Some(registry) }
}

pub(crate) fn create_device(id: &str) -> pb::CreateDeviceRequest {
    pb::CreateDeviceRequest { parent: REGISTRY.into(), device: Some(pb::Device { id: id.into(), ..Default::default() }) }
}

pub(crate) fn device_name(id: &str) -> String {
    format!("{REGISTRY}/devices/{id}")
}

/// One connection over HTTP/2.
pub(crate) struct Client(SendRequest<Body>);

/// An answer as it came.
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Empty when the headers were all.
    pub(crate) trailers: HeaderMap,
}

impl Reply {
    /// What the call came to, wherever it stands.
    pub(crate) fn status(&self) -> Status {
        let found = Status::from_header_map(&self.trailers).or_else(|| Status::from_header_map(&self.headers));
        found.unwrap_or_else(|| panic!("{} without grpc-status: {:?}", self.code, self.body))
    }
}

/// A message in its frame, not packed.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// A body that begins like this and has no end.
pub(crate) fn endless(begins: Vec<u8>) -> Body {
    use futures_util::StreamExt as _;
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(begins)]);
    Body::from_stream(first.chain(futures_util::stream::pending()))
}

impl Client {
    pub(crate) async fn to(at: SocketAddr) -> Self {
        let tcp = tokio::net::TcpStream::connect(at).await.unwrap();
        let (client, served) = handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.unwrap();
        tokio::spawn(served);
        Self(client)
    }

    /// Calls a method as the administrator.
    pub(crate) async fn call<A: Message + Default>(&mut self, method: &str, message: &impl Message) -> Result<A, Status> {
        let reply = self.raw(method, &[("authorization", "Bearer admin")], framed(&message.encode_to_vec()).into()).await;
        assert_eq!((reply.code, &reply.headers["content-type"]), (200, &"application/grpc".parse().unwrap()));
        let status = reply.status();
        if status.code() != tonic::Code::Ok {
            assert!(reply.body.is_empty() && reply.trailers.is_empty(), "a refusal has headers alone");
            return Err(status);
        }
        assert_eq!(reply.body[..5], framed(&reply.body[5..])[..5], "one message, not packed");
        Ok(A::decode(&reply.body[5..]).unwrap())
    }

    /// Sends this as it is.
    pub(crate) async fn raw(&mut self, method: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let mut request = Request::post(format!("http://h/{SERVICE}/{method}")).header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&mut self, request: Request<Body>) -> Reply {
        self.0.ready().await.unwrap();
        let (parts, body) = self.0.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        Reply { code: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes(), trailers }
    }
}
