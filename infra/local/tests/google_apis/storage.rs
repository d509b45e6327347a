//! Objects: in, out, in parts of them, and away.

use infra_local::security_token_service::policy;
use serde_json::json;

use crate::support::{READ_STORAGE, STORAGE, Stack, here, send};

async fn stack() -> Stack {
    Stack::new(&[
        ("keeper", "roles/storage.objectAdmin", policy::bucket("files")),
        ("viewer", "roles/storage.objectViewer", policy::bucket("files")),
        ("creator", "roles/storage.objectCreator", policy::bucket("files")),
        ("owner", "roles/storage.admin", here()),
    ])
    .await
}

fn upload(name: &str) -> String {
    format!("/upload/storage/v1/b/files/o?uploadType=media&name={name}")
}

const OBJECT: &str = "/storage/v1/b/files/o/a%2Fb%3Ac";

#[tokio::test]
async fn an_object_comes_down_as_it_went_up_whole_or_in_parts() {
    let stack = stack().await;
    let token = stack.token("keeper", STORAGE).await;
    let stored = stack.post(&upload("a/b:c"), &token, "123456789").await;
    assert_eq!((stored.status, stored.json()["size"].as_str(), stored.json()["name"].as_str()), (200, Some("9"), Some("a/b:c")));
    assert_eq!(stored.json()["crc32c"], "4waSgw==", "the check value of CRC-32C");
    assert_eq!(stack.get(OBJECT, &token).await.json(), stored.json());
    for path in [format!("{OBJECT}?alt=media"), format!("/download{OBJECT}?alt=media")] {
        let whole = stack.get(&path, &token).await;
        assert_eq!((whole.status, &whole.body[..], whole.header("x-goog-hash")), (200, &b"123456789"[..], "crc32c=4waSgw=="));
        assert_eq!(whole.header("x-goog-generation"), stored.json()["generation"].as_str().unwrap());
        assert_eq!(whole.header("etag"), format!("\"{}\"", stored.json()["etag"].as_str().unwrap()));
        assert_eq!((whole.header("x-goog-stored-content-length"), whole.header("content-length")), ("9", "9"));
    }
    for (range, status, body, shown) in [
        ("bytes=2-4", 206, "345", "bytes 2-4/9"),
        ("bytes=7-", 206, "89", "bytes 7-8/9"),
        ("bytes=-2", 206, "89", "bytes 7-8/9"),
        ("bytes=0-99", 206, "123456789", "bytes 0-8/9"),
        ("lines=1-2", 200, "123456789", ""),
        ("bytes=0-1,3-4", 200, "123456789", ""),
    ] {
        let part = send(stack.request("GET", &format!("{OBJECT}?alt=media"), &token).header("range", range)).await;
        assert_eq!(
            (part.status, String::from_utf8_lossy(&part.body), part.header("content-range")),
            (status, body.into(), shown),
            "{range}"
        );
    }
    let past = send(stack.request("GET", &format!("{OBJECT}?alt=media"), &token).header("range", "bytes=9-")).await;
    assert_eq!(past.refusal(), (416, "requestedRangeNotSatisfiable".into()));
}

#[tokio::test]
async fn each_role_and_each_scope_opens_its_part() {
    let stack = stack().await;
    let (creator, viewer) = (stack.token("creator", STORAGE).await, stack.token("viewer", STORAGE).await);
    assert_eq!(stack.post(&upload("x"), &creator, "1").await.status, 200);
    let over = stack.post(&upload("x"), &creator, "2").await;
    assert_eq!(over.json()["error"]["details"][0]["metadata"]["permission"], "storage.objects.delete", "who creates does not replace");
    assert_eq!(stack.get("/storage/v1/b/files/o/x?alt=media", &creator).await.refusal(), (403, "IAM_PERMISSION_DENIED".into()));
    assert_eq!(stack.get("/storage/v1/b/files/o/x?alt=media", &viewer).await.body, b"1");
    assert_eq!(stack.post(&upload("y"), &viewer, "1").await.status, 403);
    let reads = stack.token("keeper", READ_STORAGE).await;
    assert_eq!(stack.get("/storage/v1/b/files/o/x", &reads).await.status, 200);
    assert_eq!(stack.post(&upload("y"), &reads, "1").await.refusal(), (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT".into()));
    assert_eq!(stack.get("/storage/v1/b/other/o/x", &reads).await.refusal().0, 403, "not whether it is there");
    assert_eq!(stack.get("/storage/v1/b/files/o/x", "nobody").await.status, 401);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused() {
    let stack = stack().await;
    let token = stack.token("owner", STORAGE).await;
    for (method, path) in [
        ("GET", "/storage/v1/b/files/o/..%2F..%2Fsecret?alt=media"),
        ("DELETE", "/storage/v1/b/files/o/a%2F..%2F..%2Fx"),
        ("POST", "/upload/storage/v1/b/files/o?uploadType=media&name=../x"),
        ("GET", "/storage/v1/b/..%2Faccounts"),
        ("DELETE", "/storage/v1/b/.uploads"),
    ] {
        assert_eq!(send(stack.request(method, path, &token)).await.refusal(), (400, "invalid".into()), "{method} {path}");
    }
    let body = json!({"name": "../x"}).to_string();
    assert_eq!(stack.post("/storage/v1/b?project=local", &token, body).await.status, 400);
}

#[tokio::test]
async fn a_write_and_a_removal_keep_to_the_generation_they_expect() {
    let stack = stack().await;
    let token = stack.token("keeper", STORAGE).await;
    let put = async |condition: &str, body: &'static str| stack.post(&format!("{}{condition}", upload("x")), &token, body).await;
    let first = put("&ifGenerationMatch=0", "1").await.json()["generation"].as_str().unwrap().to_owned();
    assert_eq!(put("&ifGenerationMatch=0", "2").await.refusal(), (412, "conditionNotMet".into()));
    let second = put(&format!("&ifGenerationMatch={first}"), "3").await.json()["generation"].as_str().unwrap().to_owned();
    assert!(second.parse::<u64>().unwrap() > first.parse().unwrap());
    let object = "/storage/v1/b/files/o/x";
    assert_eq!(stack.get(&format!("{object}?generation={first}"), &token).await.status, 404);
    let delete = async |condition: &str| send(stack.request("DELETE", &format!("{object}{condition}"), &token)).await.status;
    assert_eq!(delete(&format!("?ifGenerationMatch={first}")).await, 412);
    assert_eq!((delete(&format!("?ifGenerationMatch={second}")).await, delete("").await), (204, 404));
    assert_eq!((put("&ifGenerationMatch=many", "1").await.status, put("&ifMetagenerationMatch=2", "1").await.status), (400, 412));
}

#[tokio::test]
async fn a_bucket_is_made_once_and_removed_when_it_is_empty() {
    let stack = stack().await;
    let (owner, keeper) = (stack.token("owner", STORAGE).await, stack.token("keeper", STORAGE).await);
    let make = async |token: &str| stack.post("/storage/v1/b?project=local", token, json!({"name": "files"}).to_string()).await.status;
    let remove = async || send(stack.request("DELETE", "/storage/v1/b/files", &owner)).await.status;
    assert_eq!((make(&keeper).await, remove().await, make(&owner).await, make(&owner).await), (403, 404, 200, 409));
    assert_eq!(stack.get("/storage/v1/b/files", &owner).await.json()["name"], "files");
    assert_eq!(stack.post(&upload("deep/down/x"), &keeper, "1").await.status, 200);
    assert_eq!(remove().await, 409);
    assert_eq!(send(stack.request("DELETE", "/storage/v1/b/files/o/deep%2Fdown%2Fx", &keeper)).await.status, 204);
    assert_eq!((remove().await, stack.get("/storage/v1/b/files", &owner).await.status), (204, 404));
}
