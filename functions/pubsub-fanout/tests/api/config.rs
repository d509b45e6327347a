//! `GET V/config`.

use domain::config;
use serde_json::json;

use crate::support::{App, NOON, V};

#[tokio::test]
async fn the_newest_is_sent_unless_the_device_has_it() {
    let app = App::new().await;
    let now = domain::Timestamp::from_secs(NOON);
    config::update(&app.stores, &App::device_key(), b"\xfb\xff".to_vec(), None, now).await.unwrap();
    let newest = json!({"version": "2", "binaryData": "+/8="});
    for query in ["", "?local_version=0", "?local_version=1", "?localVersion=1", "?local_version="] {
        assert_eq!(app.get(&format!("{V}/config{query}")).await.ok(), newest, "{query}");
    }
    assert_eq!(app.status().await.last_config_send, Some(now));
    assert_eq!(app.get(&format!("{V}/config?local_version=2")).await.ok(), json!({"version": "2"}));
    app.get(&format!("{V}/config?local_version=3")).await.refused(
        400,
        "OUT_OF_RANGE",
        "local_version 3 is higher than the newest version 2",
    );
    app.get(&format!("{V}/config?local_version=x")).await.refused(400, "INVALID_ARGUMENT", "\"x\"");
}
