//! Attempt after attempt, until the object is there.

use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::{Body, Response, StatusCode};

use super::UploadError;
use super::content::{Content, Sent};
use crate::backoff::Backoff;
use crate::download::answer;
use crate::download::client::Client;
use crate::download::progress::Progress;

/// How often the progress is drawn and a line that takes nothing is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long a later attempt holds its body back for a refusal to come first, as `Expect: 100-continue` would (RFC 9110,
/// section 10.1.1, which our HTTP library does not speak). A server that refuses by the head alone closes the line upon the
/// body, and what it said is lost with it.
const REFUSAL_FIRST: Duration = Duration::from_millis(500);

/// How one attempt ended, when the next may do better.
enum Ended {
    /// The object is there; what the server says of its sum.
    Stored(Option<u32>),
    /// The line broke, or the server is busy.
    Broken(String),
    /// The token was refused: its time may have been over.
    Unauthenticated(String),
}

/// An upload under way.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) content: Content,
    pub(super) backoff: Backoff,
    pub(super) retries: u32,
    /// How long the line may take no byte, and the server say nothing after the last.
    pub(super) patience: Duration,
    /// Whether the sum is sent along. A signed URL of a store would refuse a header that it was not signed with.
    pub(super) announce: bool,
}

impl Sender {
    /// Ends with a sentence, or with why the object is not there.
    pub(super) async fn run(mut self, to: &str) -> Result<String, UploadError> {
        let mut progress = Progress::new();
        let ended = self.until_stored(&mut progress).await;
        progress.end();
        let expected = self.content.crc32c;
        let verified = match ended? {
            Some(found) if found != expected => return Err(UploadError::Mismatch { expected, found }),
            Some(_) => "verified by crc32c",
            None => "not verified: the server gives no crc32c",
        };
        let shown = to.split('?').next().unwrap_or_default();
        Ok(format!("{shown}: {} bytes, {verified}\n", self.content.size))
    }

    async fn until_stored(&mut self, progress: &mut Progress) -> Result<Option<u32>, UploadError> {
        let (mut attempts, mut refused) = (0, false);
        loop {
            self.content.check()?;
            attempts += 1;
            let (why, wait) = match self.attempt(progress, attempts > 1).await? {
                Ended::Stored(sum) => return Ok(sum),
                Ended::Broken(why) => {
                    refused = false;
                    (why, true)
                }
                Ended::Unauthenticated(message) => {
                    // A new token with the right time may pass; the second refusal in a row is about something else.
                    let news = self.client.learn(&message);
                    if std::mem::replace(&mut refused, true) && !news {
                        return Err(UploadError::Refused { status: 401, message });
                    }
                    (message, false)
                }
            };
            if attempts > self.retries {
                return Err(UploadError::GaveUp { attempts, last: why });
            }
            if wait {
                let wait = self.backoff.next_wait();
                progress.say(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64()));
                tokio::time::sleep(wait).await;
            }
        }
    }

    async fn attempt(&self, progress: &mut Progress, is_later: bool) -> Result<Ended, UploadError> {
        let sent = Sent::new();
        let content = self.content.stream(&sent)?;
        let held_back = async move {
            tokio::time::sleep(if is_later { REFUSAL_FIRST } else { Duration::ZERO }).await;
            content
        };
        let body = Body::wrap_stream(held_back.flatten_stream());
        let announced = self.announce.then_some(self.content.crc32c);
        let answered = tokio::select! {
            answered = self.client.put(body, self.content.size, announced) => answered?,
            why = self.watch(&sent, progress) => Err(why),
        };
        let judged = match answered {
            Ok(response) => judge(response).await,
            Err(why) => Ok(Ended::Broken(why)),
        };
        match judged {
            // What has the sum of the file as it was is all right, whatever became of the file since.
            Ok(Ended::Stored(Some(sum))) => Ok(Ended::Stored(Some(sum))),
            other => self.content.check().and(other),
        }
    }

    /// Draws how far it is; ends when nothing has moved for too long.
    async fn watch(&self, sent: &Sent, progress: &mut Progress) -> String {
        progress.start(0);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let (taken, at) = sent.now();
            if at.elapsed() > self.patience {
                return format!("nothing moved for {} s, {taken} of {} bytes were sent", self.patience.as_secs(), self.content.size);
            }
            progress.show(taken, self.content.size);
        }
    }
}

async fn judge(response: Response) -> Result<Ended, UploadError> {
    let (status, sum) = (response.status(), answer::crc32c(response.headers()));
    let body = answer::text(response).await;
    if status.is_success() {
        return Ok(Ended::Stored(sum.or_else(|| answer::crc32c_of_resource(&body))));
    }
    let message = answer::message(&body);
    match status {
        StatusCode::UNAUTHORIZED => Ok(Ended::Unauthenticated(message)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Ok(Ended::Broken(format!("the server answers {status}: {message}"))),
        _ if status.is_server_error() => Ok(Ended::Broken(format!("the server answers {status}: {message}"))),
        _ => Err(UploadError::Refused { status: status.as_u16(), message }),
    }
}
