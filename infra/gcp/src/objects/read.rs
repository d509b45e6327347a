//! Downloads: one generation, chunk by chunk, and the last chunk only when all was right.

use std::ops::Range;

use bytes::Bytes;
use domain::PortError;
use domain::objects::{Download, ObjectName};
use futures_util::stream::{self, StreamExt as _};
use google_cloud_storage::model_ext::ReadRange;
use google_cloud_storage::read_object::ReadObjectResponse;
use tokio::time::timeout;

use super::client::Client;
use super::error::{Doing, failed, silent};
use super::{PART, STALL_LIMIT, bucket, stat};

/// A download under way, one chunk behind the line.
struct Reading {
    name: ObjectName,
    response: ReadObjectResponse,
    held: Option<Bytes>,
    /// Bytes that are still to come from the line.
    left: u64,
    /// CRC32C so far, and what it must be, when all of the object is read.
    sum: Option<(u32, u32)>,
    is_over: bool,
}

pub(super) async fn open(client: &Client, name: &ObjectName, generation: u64, range: Range<u64>) -> Result<Option<Download>, PortError> {
    let Some(length) = range.end.checked_sub(range.start).filter(|length| *length > 0) else {
        let is_there = stat::stat(client, name).await?.is_some_and(|info| info.generation == generation && range.end <= info.size);
        return Ok(is_there.then(|| stream::empty().boxed()));
    };
    let Ok(wanted) = i64::try_from(generation) else { return Ok(None) };
    let request = client.storage.read_object(bucket(name), name.object()).set_generation(wanted);
    let sent = request.set_read_range(ReadRange::segment(range.start, length)).send();
    let response = match timeout(STALL_LIMIT, sent).await {
        Err(_) => return Err(silent(name)),
        Ok(Ok(response)) => response,
        // Not there, or it has no byte at `range.start`.
        Ok(Err(e)) if matches!(e.http_status_code(), Some(404 | 416)) => return Ok(None),
        Ok(Err(e)) => return Err(failed(name, Doing::Reading, &e)),
    };
    let object = response.object();
    let size = u64::try_from(object.size).unwrap_or(0);
    if object.generation != wanted || size < range.end {
        return Ok(None);
    }
    let known = object.checksums.and_then(|sums| sums.crc32c);
    let sum = known.filter(|_| length == size).map(|known| (0, known));
    let reading = Reading { name: name.clone(), response, held: None, left: length, sum, is_over: false };
    Ok(Some(stream::unfold(reading, next).boxed()))
}

async fn next(mut reading: Reading) -> Option<(Result<Bytes, PortError>, Reading)> {
    if reading.is_over {
        return None;
    }
    match reading.advance().await {
        Ok(Some(chunk)) => Some((Ok(chunk), reading)),
        Ok(None) => None,
        Err(e) => {
            reading.is_over = true;
            Some((Err(e), reading))
        }
    }
}

impl Reading {
    /// The chunk that was held back, once another has come or all has ended well.
    async fn advance(&mut self) -> Result<Option<Bytes>, PortError> {
        loop {
            match timeout(STALL_LIMIT, self.response.next()).await {
                Err(_) => return Err(silent(&self.name)),
                Ok(Some(Err(e))) => return Err(self.broken(&e)),
                Ok(Some(Ok(chunk))) => {
                    self.take(&chunk)?;
                    if let Some(before) = self.held.replace(chunk) {
                        return Ok(Some(before));
                    }
                }
                Ok(None) => {
                    self.is_over = true;
                    self.check()?;
                    return Ok(self.held.take());
                }
            }
        }
    }

    /// Why it cannot go on. Taken up again it asks for the generation that it began with.
    fn broken(&self, e: &google_cloud_storage::Error) -> PortError {
        if e.http_status_code() == Some(404) {
            let generation = self.response.object().generation;
            return PortError::passing(PART, format!("`{}`: generation {generation} was replaced while it was read", self.name));
        }
        failed(&self.name, Doing::Reading, e)
    }

    fn take(&mut self, chunk: &Bytes) -> Result<(), PortError> {
        let more = || PortError::passing(PART, format!("`{}`: Cloud Storage sent more than was asked for", self.name));
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(more)?;
        if let Some((so_far, _)) = &mut self.sum {
            *so_far = crc32c::crc32c_append(*so_far, chunk);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), PortError> {
        let name = &self.name;
        if self.left > 0 {
            return Err(PortError::passing(PART, format!("`{name}`: {} bytes did not come", self.left)));
        }
        match self.sum {
            Some((came, known)) if came != known => {
                Err(PortError::passing(PART, format!("`{name}`: what came has crc32c {came:08x}, the object has {known:08x}")))
            }
            _ => Ok(()),
        }
    }
}
