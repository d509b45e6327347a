//! Paths that are no method are not found.

use serde_json::json;

use crate::support::{App, REG};

#[tokio::test]
async fn what_is_no_method_is_not_found() {
    let app = App::with_device().await;
    app.post(&format!("{REG}/devices/dev:reboot"), json!({})).await.refused(404, "NOT_FOUND", "devices/dev:reboot is not part of this API");
    app.get(&format!("{REG}/devices/dev:sendCommandToDevice")).await.refused(404, "NOT_FOUND", "is not part of this API");
    app.post(REG, json!({})).await.refused(404, "NOT_FOUND", "is not part of this API");
    app.get("/v1/projects/p-1").await.refused(404, "NOT_FOUND", "GET /v1/projects/p-1");
}
