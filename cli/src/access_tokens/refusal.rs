//! What a service's refusal means, and what to do next.

use anyhow::Error;
use serde_json::Value;

use super::call::Call;
use super::urls::Api;

/// No answer at all.
pub(super) fn lost(call: &Call<'_>, e: &reqwest::Error) -> Error {
    let mut causes = std::iter::successors(std::error::Error::source(e), |e| e.source());
    let cause = causes.by_ref().last().map_or_else(|| e.to_string(), ToString::to_string);
    let next = if cause.contains("InvalidContentType") {
        "it speaks no TLS there: write http:// instead of https://".to_owned()
    } else if e.is_timeout() {
        "it took the request and did not answer in time; its log says why".to_owned()
    } else {
        format!(
            "is it there? For a stand-in of every service start `drawbridge up`; {} URL, its variable or the profile says where it is",
            call.service.flag()
        )
    };
    Error::msg(format!("no answer from {} at {}: {cause}\n{next}", call.service, call.place()))
}

/// An answer that is not what was asked for: in Google's shape, in that of RFC 6749, or in none.
pub(super) fn refused(call: &Call<'_>, status: u16, body: &[u8]) -> Error {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let (service, place) = (call.service, call.place());
    let (message, name) = match &answer["error"] {
        Value::Object(error) => (error.get("message").and_then(Value::as_str), error.get("status").and_then(Value::as_str)),
        Value::String(code) => (answer["error_description"].as_str().or(Some(code.as_str())), Some(code.as_str())),
        _ => (None, None),
    };
    let Some(message) = message else {
        let shown: String = String::from_utf8_lossy(body).chars().take(200).filter(|c| !c.is_control()).collect();
        let next = format!("say by {} URL where {service} is", service.flag());
        return Error::msg(format!("HTTP {status} from {place} that is not of {service}: {shown}\n{next}"));
    };
    // Cloud Storage gives the number alone.
    let name = name.unwrap_or(match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        _ => "",
    });
    let mark = if name.is_empty() { format!("HTTP {status}") } else { name.to_owned() };
    let next = next_step(call.service, name, message).map(|next| format!("\n{next}")).unwrap_or_default();
    Error::msg(format!("{service}: {message} ({mark}){next}"))
}

fn next_step(service: Api, name: &str, message: &str) -> Option<&'static str> {
    Some(match (service, name) {
        (service, "NOT_FOUND" | "UNIMPLEMENTED") if message.contains("not part of this API") => return Some(not_there(service)),
        (Api::TokenService, "UNAUTHENTICATED") => {
            "is it the device's key, and is its public half registered? `drawbridge credentials list --device DEVICE` shows what is, \
             `drawbridge credentials create` adds one"
        }
        (Api::TokenService, "PERMISSION_DENIED") => {
            "an administrator says by --impersonate of `drawbridge up` and by IAM what the device may do"
        }
        (Api::TokenService, "INVALID_ARGUMENT") if message.contains("scope") => {
            "scopes are listed at https://developers.google.com/identity/protocols/oauth2/scopes; several are separated by spaces"
        }
        (Api::IamCredentials, "UNAUTHENTICATED") => {
            "is it a device's access token, and not older than an hour? `drawbridge generate-access-token` gives a new one"
        }
        (Api::IamCredentials, "PERMISSION_DENIED") if message.contains("scope") => {
            "the device's token must be for the scope https://www.googleapis.com/auth/cloud-platform"
        }
        (Api::IamCredentials, "PERMISSION_DENIED") => {
            "let the device act as the account: locally by --impersonate or --iam-policy of `drawbridge up`, at Google by the role \
             roles/iam.workloadIdentityUser on the account for the device's principal"
        }
        (Api::PubSub, "NOT_FOUND") => "an administrator makes the topic: gcloud pubsub topics create TOPIC",
        (Api::PubSub, "PERMISSION_DENIED") => "give the device's principal the role roles/pubsub.publisher on the topic",
        (Api::Storage, "NOT_FOUND") => "an administrator makes the bucket: gcloud storage buckets create gs://BUCKET",
        (Api::Storage, "PERMISSION_DENIED") => "give the device's principal the role roles/storage.objectUser on the bucket",
        (Api::CloudIot, "UNAUTHENTICATED") => {
            "is this the Drawbridge that takes the service account's tokens? --cloudiot_url URL says where it is"
        }
        (Api::CloudIot, "PERMISSION_DENIED") => "give the service account the role roles/cloudiot.deviceController on the registry",
        (Api::CloudIot, "FAILED_PRECONDITION") if message.contains("subscribe") => {
            "the device must be connected over MQTT and subscribed to /devices/DEVICE/commands/#"
        }
        (Api::CloudIot, "NOT_FOUND") => "list what there is: drawbridge devices list --registry REGISTRY",
        (_, "UNAVAILABLE" | "DEADLINE_EXCEEDED" | "RESOURCE_EXHAUSTED") => "try again in a moment",
        _ => return None,
    })
}

fn not_there(service: Api) -> &'static str {
    match service {
        Api::TokenService => "say by --token_service_url URL where the token service is",
        Api::IamCredentials => "say by --iamcredentials_url URL where IAM Credentials is, as in https://iamcredentials.googleapis.com",
        Api::PubSub => "say by --pubsub_url URL where Pub/Sub is, as in https://pubsub.googleapis.com",
        Api::Storage => "say by --storage_url URL where Cloud Storage is, as in https://storage.googleapis.com",
        Api::CloudIot => "say by --cloudiot_url URL where the registry API is",
    }
}
