//! What goes over the wire: frames, trailers, packing, timeouts, and what is no gRPC at all.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use device_registry::pb;
use flate2::Compression;
use flate2::write::GzEncoder;
use host::config::Config;
use host::function;
use prost::Message as _;
use serde_json::Value;
use std::io::Write as _;
use tonic::Code;

use crate::client::{Client, Reply, Town, create_device, device_name, endless, framed};

const ADMIN: (&str, &str) = ("authorization", "Bearer admin");
/// The limit of a message, as of a body over REST.
const LIMIT: usize = 2 * 1024 * 1024;

fn get_device(id: &str) -> Vec<u8> {
    pb::GetDeviceRequest { name: device_name(id), field_mask: None }.encode_to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A frame of packed bytes.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut frame = framed(&gzip(bytes));
    frame[0] = 1;
    frame
}

fn said(reply: &Reply) -> (Code, String) {
    let status = reply.status();
    (status.code(), status.message().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_a_message_and_trailers_and_has_the_request_id() {
    let mut town = Town::new().await;
    let made: pb::Device = town.grpc.call("CreateDevice", &create_device("dev")).await.unwrap();
    for kind in ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"] {
        let headers = [ADMIN, ("content-type", kind), ("x-request-id", "r-7"), ("x-goog-request-params", "name=other")];
        let reply = town.grpc.raw("GetDevice", &headers, framed(&get_device("dev")).into()).await;
        assert_eq!(
            (reply.code, &reply.trailers["grpc-status"], &reply.headers["x-request-id"]),
            (200, &"0".parse().unwrap(), &"r-7".parse().unwrap())
        );
        let device = pb::Device::decode(&reply.body[5..]).unwrap();
        assert_eq!((device.num_id, device.id.as_str()), (made.num_id, "dev"));
    }
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_message_is_read_and_another_packing_is_refused_with_what_is_taken() {
    let mut town = Town::new().await;
    town.grpc.call::<pb::Device>("CreateDevice", &create_device("dev")).await.unwrap();
    let gzip = [ADMIN, ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity,deflate,gzip")];
    let reply = town.grpc.raw("GetDevice", &gzip, packed(&get_device("dev")).into()).await;
    assert_eq!((said(&reply).0, reply.body[0], reply.headers.get("grpc-encoding")), (Code::Ok, 0, None), "answers are not packed");
    let reply = town.grpc.raw("GetDevice", &gzip, framed(&get_device("dev")).into()).await;
    assert_eq!(said(&reply).0, Code::Ok, "a message may do without");
    let reply = town.grpc.raw("GetDevice", &[ADMIN, ("grpc-encoding", "br")], packed(&get_device("dev")).into()).await;
    assert_eq!(said(&reply).0, Code::Unimplemented);
    assert!(reply.headers["grpc-accept-encoding"].to_str().unwrap().contains("gzip"), "{:?}", reply.headers);
    let reply = town.grpc.raw("GetDevice", &[ADMIN], packed(&get_device("dev")).into()).await;
    assert!(said(&reply).0 == Code::Internal && said(&reply).1.contains("no grpc-encoding"), "{:?}", said(&reply));
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_as_soon_as_it_says_so_packed_or_not() {
    let mut town = Town::new().await;
    let expected = (Code::ResourceExhausted, format!("the message exceeds the limit of {LIMIT} bytes"));
    let mut begins = framed(&[]);
    begins[1..].copy_from_slice(&u32::try_from(LIMIT + 1).unwrap().to_be_bytes());
    assert_eq!(said(&town.grpc.raw("CreateDevice", &[ADMIN], endless(begins)).await), expected);
    let bomb = packed(&vec![0; LIMIT + 1]);
    assert!(bomb.len() < 10_000);
    assert_eq!(said(&town.grpc.raw("CreateDevice", &[ADMIN, ("grpc-encoding", "gzip")], bomb.into()).await), expected);
    let mut large = create_device("large");
    large.device.as_mut().unwrap().metadata = (0..8).map(|n| (format!("key-{n}"), "v".repeat(32 * 1024 - 100))).collect();
    assert_eq!(town.grpc.call::<pb::Device>("CreateDevice", &large).await.unwrap().metadata.len(), 8, "a device as large as may be");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_of_the_method_is_refused_and_the_connection_goes_on() {
    let mut town = Town::new().await;
    town.grpc.call::<pb::Device>("CreateDevice", &create_device("dev")).await.unwrap();
    let two = [framed(&get_device("dev")), framed(&get_device("dev"))].concat();
    let mut cut = framed(&get_device("dev"));
    cut.pop();
    for (body, code, says) in [
        (framed(&[0x0A, 0x7F, 0x00]), Code::InvalidArgument, "the message is not of the method's type"),
        (vec![], Code::Unimplemented, "this one has none"),
        (two, Code::Unimplemented, "this one has more"),
        (cut, Code::Internal, "EOF"),
        (vec![7; 5], Code::Internal, "invalid compression flag"),
    ] {
        let (found, text) = said(&town.grpc.raw("GetDevice", &[ADMIN], body.into()).await);
        assert!(found == code && text.contains(says), "{found:?} {text}");
    }
    let known = pb::GetDeviceRequest { name: device_name("dev"), field_mask: None };
    assert_eq!(town.grpc.call::<pb::Device>("GetDevice", &known).await.unwrap().id, "dev");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_at_its_timeout() {
    let mut town = Town::new().await;
    let began = Instant::now();
    let reply = town.grpc.raw("GetDevice", &[ADMIN, ("grpc-timeout", "150m")], endless(vec![])).await;
    assert_eq!(said(&reply), (Code::DeadlineExceeded, "no answer within the call's timeout, 150ms".into()));
    assert!((150..5000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let (code, text) = said(&town.grpc.raw("GetDevice", &[ADMIN, ("grpc-timeout", "soon")], endless(vec![])).await);
    assert!(code == Code::InvalidArgument && text.starts_with("grpc-timeout `soon` is none: "), "{code:?} {text}");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_stranger_nothing_but_the_headers_is_read() {
    let mut town = Town::new().await;
    for (headers, says) in [
        (vec![], "the request carries no credentials"),
        (vec![("authorization", "Basic admin")], "is not of the Bearer scheme"),
        (vec![("authorization", "Bearer stranger")], "the bearer token is neither the admin token"),
    ] {
        let asked = town.grpc.raw("CreateDevice", &headers, endless(vec![]));
        let (code, text) = said(&tokio::time::timeout(Duration::from_secs(5), asked).await.unwrap());
        assert!(code == Code::Unauthenticated && text.contains(says), "{code:?} {text}");
    }
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_there_is_unimplemented_to_everybody() {
    let mut town = Town::new().await;
    let reply = town.grpc.raw("PublishEvent", &[], framed(&[]).into()).await;
    let expected = "google.cloud.iot.v1.DeviceManager has no method `PublishEvent`";
    assert_eq!((reply.code, said(&reply)), (200, (Code::Unimplemented, expected.into())));
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grpc_is_answered_as_by_rest_over_either_version_of_http() {
    let mut town = Town::new().await;
    for kind in ["application/json", "application/grpc-web", "application/grpc+json"] {
        let reply = town.grpc.raw("GetDevice", &[ADMIN, ("content-type", kind)], framed(&get_device("dev")).into()).await;
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let expected = "POST /google.cloud.iot.v1.DeviceManager/GetDevice is not part of this API";
        assert_eq!((reply.code, body["error"]["message"].as_str()), (404, Some(expected)), "{kind}");
    }
    let request = Request::get(format!("http://h/v1/{}", crate::client::REGISTRY)).header("authorization", "Bearer admin");
    let reply = town.grpc.send(request.body(Body::empty()).unwrap()).await;
    let length = reply.headers["content-length"].to_str().unwrap().parse::<usize>().unwrap();
    assert_eq!((reply.code, length), (200, reply.body.len()), "REST over HTTP/2");
    let url = format!("http://{}/google.cloud.iot.v1.DeviceManager/GetDevice", town.running.addresses.http);
    let downgraded = reqwest::Client::new().post(url).header("content-type", "application/grpc").body(framed(&get_device("dev")));
    let downgraded = downgraded.send().await.unwrap();
    assert_eq!((downgraded.version(), downgraded.status().as_u16()), (reqwest::Version::HTTP_11, 501));
    assert!(downgraded.text().await.unwrap().contains("gRPC needs HTTP/2"));
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_whose_function_runs_elsewhere_is_unimplemented_here_and_calls_are_counted() {
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "device-registry"),
        ("DRAWBRIDGE_RECORDS", "memory:"),
        ("DRAWBRIDGE_COMMANDS", "none:"),
        ("DRAWBRIDGE_ADMIN_TOKEN", "admin"),
        ("DRAWBRIDGE_HTTP", "127.0.0.1:0"),
        ("DRAWBRIDGE_METRICS", "127.0.0.1:0"),
    ];
    let config = Config::read(&variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()).unwrap();
    let running = function::start(config).await.unwrap();
    let mut grpc = Client::to(running.addresses.http).await;
    let command = pb::SendCommandToDeviceRequest { name: device_name("dev"), ..Default::default() };
    let refused = grpc.call::<pb::SendCommandToDeviceResponse>("SendCommandToDevice", &command).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert!(refused.message().starts_with("SendCommandToDevice is not served by this process"), "{refused}");
    let get = pb::GetDeviceRequest { name: device_name("dev"), field_mask: None };
    assert_eq!(grpc.call::<pb::Device>("GetDevice", &get).await.unwrap_err().code(), Code::NotFound);
    let stranger = [("authorization", "Bearer stranger")];
    assert_eq!(grpc.raw("GetDevice", &stranger, endless(vec![])).await.status().code(), Code::Unauthenticated);
    let metrics = format!("http://{}/metrics", running.addresses.metrics.unwrap());
    let text = reqwest::get(metrics).await.unwrap().text().await.unwrap();
    for code in ["401", "404"] {
        assert!(text.contains(&format!("drawbridge_requests_total{{function=\"device-registry\",code=\"{code}\"}} 1\n")), "{text}");
    }
    running.shut_down().await;
}
