//! Pub/Sub: publishing, and topics. Source: cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics.

mod publish;
mod topics;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{post, put};
use protocol::TopicName;
use serde::Deserialize;

use super::{GoogleApis, access};
use crate::security_token_service::error::Google;
use crate::security_token_service::{Ask, policy};

const SERVICE: &str = "pubsub.googleapis.com";
const SCOPES: [&str; 2] = ["https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"];

/// `{topic}` is `t`, or `t:publish` where nobody has taken the verb off.
#[derive(Deserialize)]
struct TopicPath {
    project: String,
    topic: String,
}

pub(super) fn routes(apis: GoogleApis) -> Router {
    const TOPIC: &str = "/v1/projects/{project}/topics/{topic}";
    Router::new()
        .route(TOPIC, put(topics::create).get(topics::get).delete(topics::delete).post(publish_alone))
        .route(&format!("{TOPIC}/~publish"), post(publish::publish))
        .with_state(apis)
}

async fn publish_alone(
    state: State<GoogleApis>,
    Path(mut path): Path<TopicPath>,
    headers: HeaderMap,
    body: axum::body::Body,
) -> Result<axum::Json<serde_json::Value>, Google> {
    let topic = path.topic.strip_suffix(":publish").map(str::to_owned);
    path.topic = topic.ok_or_else(|| Google::not_found("the local stack has no such method"))?;
    publish::publish(state, Path(path), headers, body).await
}

/// The topic, once its name is one and the caller may do this to it.
fn admit(apis: &GoogleApis, headers: &HeaderMap, path: &TopicPath, permission: &str) -> Result<TopicName, Google> {
    let name = format!("projects/{}/topics/{}", path.project, path.topic);
    let resource = policy::topic(&path.project, &path.topic);
    access::admit(&apis.access, headers, &Ask { service: SERVICE, scopes: &SCOPES, permission, resource: &resource })?;
    name.parse().map_err(|e: protocol::NameError| Google::invalid(e.to_string()))
}
