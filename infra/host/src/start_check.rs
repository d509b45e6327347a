//! What is said when the records do not answer at the start. It is no reason not to start: what needs no records is served, and each
//! request asks them again, so that whatever is mended elsewhere needs no restart here. But it is said once, at once, with the place
//! and what to look at, and not only when somebody asks `/readyz`.

use std::time::Duration;

use domain::ports::Stores;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::serve;

/// How long the records may take.
const LIMIT: Duration = Duration::from_secs(10);

/// No registry has this name, so nothing is ever found at it.
const PROBE: &str = "start";

/// Asks once, beside whatever is begun, and no longer than until `stop`.
pub(crate) fn begin(stores: &Stores, url: &str, stop: &watch::Sender<bool>, tasks: &mut JoinSet<()>) {
    let (stores, url, stopped) = (stores.clone(), url.to_owned(), serve::stopped(stop));
    tasks.spawn(async move {
        tokio::select! {
            () = records(&stores, &url) => {}
            () = stopped => {}
        }
    });
}

async fn records(stores: &Stores, url: &str) {
    let cause = match tokio::time::timeout(LIMIT, stores.registries.get(PROBE)).await {
        Ok(Ok(_)) => return,
        Ok(Err(e)) => e.to_string(),
        Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
    };
    tracing::error!(
        records = %url,
        "The records at `{url}` do not answer ({cause}): {}. What needs them is refused until they answer; nothing has to be started again",
        advice(url)
    );
}

/// What to look at, by the kind of place.
fn advice(url: &str) -> &'static str {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("firestore") => {
            "check that project and database are there and named right, that this process has `roles/datastore.user`, and the way to firestore.googleapis.com"
        }
        Some("dynamodb") => {
            "check that the table is in this region and named right, that this role may GetItem and PutItem on it, and the way to DynamoDB"
        }
        _ => "check the folder and the disk",
    }
}
