//! Attempt after attempt, until the part is whole.

use reqwest::{Response, StatusCode};

use super::client::{Client, chain};
use super::error::file;
use super::part::Part;
use super::progress::Progress;
use super::verify::{self, Sha256Hex};
use super::{DownloadError, MAX_RESTARTS, answer};
use crate::backoff::Backoff;

/// How one attempt ended, when the next may do better.
enum Ended {
    /// All bytes are there.
    Whole,
    /// The line broke, or the server is busy.
    Broken(String),
    /// The token was refused: its time may have been over.
    Unauthenticated(String),
    /// What is there does not fit what the server has by now.
    Changed,
}

/// A download under way.
pub(super) struct Fetch {
    client: Client,
    part: Part,
    backoff: Backoff,
    retries: u32,
    sha256: Option<Sha256Hex>,
    progress: Progress,
    restarts: u32,
    /// More than one answer made the part.
    is_joined: bool,
}

impl Fetch {
    pub(super) fn new(client: Client, part: Part, backoff: Backoff, retries: u32, sha256: Option<Sha256Hex>) -> Self {
        let is_joined = part.len() > 0;
        Self { client, part, backoff, retries, sha256, progress: Progress::new(), restarts: 0, is_joined }
    }

    /// Ends with the file in its place, or with why it is not there.
    pub(super) async fn run(mut self) -> Result<String, DownloadError> {
        let done = loop {
            self.until_whole().await?;
            match self.verify()? {
                Ok(()) => break self.sentence(),
                // Answers were joined that do not fit, or a power cut damaged the part: once more from the beginning.
                Err(wrong) if wrong.what == "crc32c" && self.is_joined && self.may_restart() => self.restart()?,
                Err(verify::Wrong { what, expected, found }) => {
                    self.part.discard();
                    return Err(DownloadError::Mismatch { what, expected, found });
                }
            }
        };
        self.progress.end();
        self.part.publish()?;
        Ok(done)
    }

    async fn until_whole(&mut self) -> Result<(), DownloadError> {
        let (mut furthest, mut fruitless, mut refused) = (self.part.len(), 0, false);
        loop {
            let (why, wait) = match self.attempt().await? {
                Ended::Whole => return Ok(()),
                Ended::Changed if self.may_restart() => {
                    self.restart()?;
                    continue;
                }
                Ended::Changed => return Err(DownloadError::Answer("the object is replaced again and again".into())),
                Ended::Broken(why) => (why, true),
                Ended::Unauthenticated(message) => {
                    // A new token with the right time may pass; the second refusal in a row is about something else.
                    let news = self.client.learn(&message);
                    if std::mem::replace(&mut refused, true) && !news {
                        return Err(DownloadError::Refused { status: 401, message });
                    }
                    (message, false)
                }
            };
            if self.part.len() > furthest {
                (furthest, fruitless, refused) = (self.part.len(), 0, false);
                self.backoff.reset();
            } else {
                fruitless += 1;
            }
            if fruitless > self.retries {
                self.progress.end();
                return Err(DownloadError::GaveUp { attempts: fruitless, have: self.part.len(), last: why });
            }
            if wait {
                let wait = self.backoff.next_wait();
                self.progress.say(&format!("{why}; trying again in {:.1} s", wait.as_secs_f64()));
                tokio::time::sleep(wait).await;
            }
        }
    }

    async fn attempt(&mut self) -> Result<Ended, DownloadError> {
        if self.part.is_whole() {
            return Ok(Ended::Whole);
        }
        let have = self.part.len();
        let etag = self.part.note().and_then(|note| note.etag.clone());
        let response = match self.client.ask(have, etag.as_deref()).await? {
            Ok(response) => response,
            Err(why) => return Ok(Ended::Broken(why)),
        };
        match response.status() {
            StatusCode::OK => self.begin(&response)?,
            StatusCode::PARTIAL_CONTENT if self.continues(&response) => self.is_joined = true,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Ended::Changed),
            _ => return refusal(response).await,
        }
        self.copy(response).await
    }

    /// The answer is all of the object: what was there before counts no longer.
    fn begin(&mut self, response: &Response) -> Result<(), DownloadError> {
        let headers = response.headers();
        let size = answer::size(headers).ok_or_else(|| DownloadError::Answer("it does not say how many bytes there are".into()))?;
        self.is_joined = false;
        self.part.begin(answer::strong_etag(headers), size, answer::crc32c(headers))
    }

    /// Whether the answer is the rest of exactly what is there.
    fn continues(&self, response: &Response) -> bool {
        let headers = response.headers();
        let Some(note) = self.part.note() else { return false };
        answer::content_range(headers) == Some((self.part.len(), note.size))
            && answer::strong_etag(headers).is_none_or(|tag| Some(tag) == note.etag)
    }

    async fn copy(&mut self, mut response: Response) -> Result<Ended, DownloadError> {
        self.progress.start(self.part.len());
        let size = self.part.note().map_or(0, |note| note.size);
        while !self.part.is_whole() {
            match response.chunk().await {
                Ok(Some(chunk)) => self.part.append(&chunk)?,
                Ok(None) => return Ok(Ended::Broken(format!("the answer ended after {} of {size} bytes", self.part.len()))),
                Err(e) => return Ok(Ended::Broken(chain(&e))),
            }
            self.progress.show(self.part.len(), size);
        }
        Ok(Ended::Whole)
    }

    fn verify(&mut self) -> Result<Result<(), verify::Wrong>, DownloadError> {
        let crc32c = self.part.note().and_then(|note| note.crc32c);
        verify::check(self.part.path(), crc32c, self.sha256.as_ref()).map_err(file(self.part.path()))
    }

    fn may_restart(&self) -> bool {
        self.restarts < MAX_RESTARTS
    }

    fn restart(&mut self) -> Result<(), DownloadError> {
        self.restarts += 1;
        self.is_joined = false;
        self.part.clear()
    }

    fn sentence(&self) -> String {
        let crc32c = self.part.note().and_then(|note| note.crc32c).map(|_| "crc32c");
        let sums: Vec<_> = crc32c.into_iter().chain(self.sha256.as_ref().map(|_| "SHA-256")).collect();
        let verified =
            if sums.is_empty() { "not verified: the server gives no crc32c".into() } else { format!("verified by {}", sums.join(" and ")) };
        format!("{}: {} bytes, {verified}\n", self.part.target().display(), self.part.len())
    }
}

/// An answer without the object: is it worth another attempt?
async fn refusal(response: Response) -> Result<Ended, DownloadError> {
    let status = response.status();
    let message = answer::message(&answer::text(response).await);
    match status {
        StatusCode::UNAUTHORIZED => Ok(Ended::Unauthenticated(message)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Ok(Ended::Broken(format!("the server answers {status}: {message}"))),
        _ if status.is_server_error() => Ok(Ended::Broken(format!("the server answers {status}: {message}"))),
        _ => Err(DownloadError::Refused { status: status.as_u16(), message }),
    }
}
