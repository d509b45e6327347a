//! The homes.
//!
//! | home | what runs | on |
//! | --- | --- | --- |
//! | `oneshot` | the router in this process, no socket | memory, topic log, folder |
//! | `server` | `drawbridge-function`, over a raw socket | sled, topic log, folder |
//! | `google` | the same | Google's emulators of Firestore and Pub/Sub, a Cloud Storage emulator |
//! | `lambda` | the same, on cargo-lambda's emulator of the runtime API | DynamoDB, Secrets Manager and KMS by moto, Pub/Sub, Cloud Storage |

mod lambda;
mod oneshot;
mod server;

use anyhow::{Result, bail};
use e2e_tests::{Scene, setting};
use serde_json::json;
use stage::Http;

use crate::message::{Reply, Request};
use crate::transcript::Says;

pub use lambda::Lambda;
pub use oneshot::Oneshot;
pub use server::Server;

/// Their names.
pub const HOMES: [&str; 4] = ["oneshot", "server", "google", "lambda"];

/// What runs in each.
const FUNCTIONS: &str = "device-registry,command-relay,pubsub-fanout,storage-download,token-exchange";

/// Where functions are.
pub trait Home {
    /// One of [`HOMES`].
    fn name(&self) -> &'static str;

    /// Our name as OpenID Connect issuer there.
    fn issuer(&self) -> String;

    /// Makes what a transcript needs to be there, and a bucket of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    fn prepare(&mut self, says: &Says, bucket: &str) -> Result<()>;

    /// Sends a request, and waits for the reply.
    ///
    /// # Errors
    /// When there is none.
    fn ask(&mut self, request: &Request) -> Result<Reply>;
}

/// The home of this name, empty.
///
/// # Errors
/// When it does not start.
pub fn open(name: &str, scene: &Scene) -> Result<Box<dyn Home>> {
    Ok(match name {
        "oneshot" => Box::new(Oneshot::open(scene)?),
        "server" => Box::new(Server::on_this_machine(scene)?),
        "google" => Box::new(Server::on_emulators(scene)?),
        "lambda" => Box::new(Lambda::open(scene)?),
        _ => bail!("`{name}` is no home: there are {}", HOMES.join(", ")),
    })
}

/// Topics in Google's emulators, where one that is there already is as good, and a bucket.
fn prepare_emulators(says: &Says, bucket: &str) -> Result<()> {
    let at = |name: &str| -> Result<Http> { Ok(Http::to(setting(name)?.trim_start_matches("http://").parse()?)) };
    for topic in &says.topics {
        let made = at("PUBSUB_EMULATOR_HOST")?.json("PUT", &format!("/v1/{topic}"), &json!({}))?;
        if made.status != 409 {
            made.success(topic)?;
        }
    }
    let made = at("STORAGE_EMULATOR_HOST")?.json("POST", "/storage/v1/b", &json!({ "name": bucket }))?;
    made.success(bucket).map(drop)
}
