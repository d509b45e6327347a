//! From a role at AWS to a token of Google's, with no key of Google's: the way of a function on Lambda. moto is AWS; here is what
//! Google's STS does with the proof: it reads the signed request, sees that it was signed for this provider, has AWS answer
//! it, and gives a token to the roles that it trusts (google.aip.dev/auth/4117).

use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_lc_rs::{digest, hmac};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Endpoint, ExternalAccount};

const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/drawbridge-aws/providers/aws";
const REGION: &str = "eu-central-1";
const TRUSTED: &str = ":assumed-role/drawbridge-fan-out/";
/// What the process that plays the function is told.
const ACCOUNT: &str = "DRAWBRIDGE_TEST_EXTERNAL_ACCOUNT";

/// AWS, at moto.
async fn aws(host: &str, headers: &[(String, String)], form: &[(&str, &str)]) -> String {
    let moto = env::var("AWS_ENDPOINT_URL").expect("AWS_ENDPOINT_URL: `cargo xtask test` starts moto and sets it");
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = reqwest::Client::new().post(moto).header("host", host);
    let request = headers.iter().filter(|(name, _)| name != "host").fold(request, |r, (name, value)| r.header(name, value));
    let answer = request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap();
    assert!(answer.status().is_success(), "{form:?}: {}", answer.text().await.unwrap());
    answer.text().await.unwrap()
}

/// What stands in an element of XML.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}")).1;
    rest.split_once('<').unwrap().0
}

/// The keys that Lambda gives a function with this role: id, secret, session token.
async fn keys_of(role: &str) -> [String; 3] {
    let signed = |service: &str| {
        let scope = format!("AWS4-HMAC-SHA256 Credential=x/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0");
        vec![("authorization".to_owned(), scope)]
    };
    let arn = format!("arn:aws:iam::123456789012:role/{role}");
    let xml =
        aws("sts.amazonaws.com", &signed("sts"), &[("Action", "AssumeRole"), ("RoleArn", &arn), ("RoleSessionName", "function")]).await;
    ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|name| element(&xml, name).to_owned())
}

/// Whether AWS would take the signature: Signature Version 4, with the secret that AWS knows.
fn is_signed(request: &Value, headers: &BTreeMap<String, String>, secret: &str) -> bool {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let sha = |text: &str| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let authorization = &headers["authorization"];
    let part = |name: &str| authorization.split_once(&format!("{name}=")).unwrap().1.split(',').next().unwrap().to_owned();
    let (names, scope) = (part("SignedHeaders"), part("Credential").split_once('/').unwrap().1.to_owned());
    let canonical: String = names.split(';').map(|name| format!("{name}:{}\n", headers[name])).collect();
    let query = request["url"].as_str().unwrap().split_once('?').unwrap().1;
    let asked = format!("{}\n/\n{query}\n{canonical}\n{names}\n{}", request["method"].as_str().unwrap(), sha(""));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", headers["x-amz-date"], sha(&asked));
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    names.contains("x-goog-cloud-target-resource") && part("Signature") == hex(&mac(&key, &to_sign))
}

/// Google's STS, and what it was asked.
struct Sts {
    secret: String,
    asked: Mutex<Vec<String>>,
}

async fn exchange(State(sts): State<Arc<Sts>>, body: String) -> (StatusCode, Json<Value>) {
    let form: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant", "error_description": why })));
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!((form["subject_token_type"].as_str(), form["audience"].as_str()), ("urn:ietf:params:aws:token-type:aws4_request", AUDIENCE));
    // The proof is URL-encoded by itself, and once more as a part of the form.
    let proof = form_urlencoded::parse(format!("p={}", form["subject_token"]).as_bytes()).next().unwrap().1.into_owned();
    let request: Value = serde_json::from_str(&proof).unwrap();
    let list = request["headers"].as_array().unwrap().iter();
    let headers: BTreeMap<_, _> =
        list.map(|h| (h["key"].as_str().unwrap().to_lowercase(), h["value"].as_str().unwrap().to_owned())).collect();
    let host = format!("sts.{REGION}.amazonaws.com");
    if headers["host"] != host || headers["x-goog-cloud-target-resource"] != AUDIENCE {
        return refused("the request was not signed for this provider");
    }
    if !is_signed(&request, &headers, &sts.secret) {
        return refused("AWS would refuse the signature");
    }
    let headers: Vec<_> = headers.into_iter().collect();
    let xml = aws(&host, &headers, &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]).await;
    let who = element(&xml, "Arn").to_owned();
    sts.asked.lock().unwrap().push(who.clone());
    if !who.contains(TRUSTED) {
        return refused("no role of this pool");
    }
    let token = json!({ "access_token": format!("google-token-of {}", form["scope"]), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600 });
    (StatusCode::OK, Json(token))
}

/// What a function with these keys says when it asks for a token: the header, or why not. And as whom AWS knows it.
async fn ask_as([id, secret, session]: [String; 3], known_secret: Option<&str>) -> (String, Vec<String>) {
    let sts = Arc::new(Sts { secret: known_secret.unwrap_or(&secret).to_owned(), asked: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let token_url = format!("http://{}/v1/token", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/token", post(exchange)).with_state(sts.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    // As the module gcp/aws-trust puts it out: nothing of it is a secret.
    let account = json!({
        "type": "external_account", "audience": AUDIENCE, "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "token_url": token_url,
        "credential_source": {
            "environment_id": "aws1",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        },
    });
    let mut function = Command::new(env::current_exe().unwrap());
    function.args(["--exact", "endpoint::federation::a_function_asks", "--nocapture"]).env(ACCOUNT, account.to_string());
    function.env("AWS_REGION", REGION).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_SESSION_TOKEN", session);
    let output = tokio::task::spawn_blocking(move || function.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let asked = sts.asked.lock().unwrap().clone();
    (said, asked)
}

/// The function's part, in a process of its own with the variables that Lambda sets; alone it does nothing.
#[tokio::test]
async fn a_function_asks() {
    let Ok(account) = env::var(ACCOUNT) else { return };
    let account: ExternalAccount = account.parse().unwrap();
    let credentials = Endpoint::Federated(account).credentials("https://www.googleapis.com/auth/pubsub").unwrap();
    match credentials.headers(axum::http::Extensions::new()).await {
        Ok(google_cloud_auth::credentials::CacheableResource::New { data, .. }) => println!("{}", data["authorization"].to_str().unwrap()),
        other => println!("refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_at_aws_gets_a_token_of_google_without_a_key() {
    let (said, asked) = ask_as(keys_of("drawbridge-fan-out").await, None).await;
    assert!(said.contains("Bearer google-token-of https://www.googleapis.com/auth/pubsub"), "{said}");
    assert_eq!(asked, ["arn:aws:sts::123456789012:assumed-role/drawbridge-fan-out/function"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_of_the_account_gets_none() {
    let (said, asked) = ask_as(keys_of("drawbridge-tokens").await, None).await;
    assert!(said.contains("refused") && said.contains("no role of this pool"), "{said}");
    assert_eq!(asked.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_aws_would_refuse_gets_none() {
    let (said, asked) = ask_as(keys_of("drawbridge-fan-out").await, Some("the secret that AWS knows")).await;
    assert!(said.contains("refused") && said.contains("AWS would refuse the signature"), "{said}");
    assert_eq!(asked, Vec::<String>::new());
}
