//! gRPC over HTTP/2 as far as a call of one message and one answer has it: frames and packing by tonic, and timeouts.
//! Source: github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md, doc/compression.md and doc/statuscodes.md.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use bytes::{Buf as _, BufMut as _};
use edge::{ApiError, DEFAULT_BODY_LIMIT};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::Grpc;
use tonic::{Code, Status, Streaming};

/// Largest message, packed and unpacked: what REST takes as a body.
pub(super) const MAX_MESSAGE: usize = DEFAULT_BODY_LIMIT;

/// Reads the one message of a call and answers it.
pub(super) async fn serve<F>(
    request: Request,
    answer: impl FnOnce(HeaderMap, Bytes) -> F + Clone + Send + 'static,
) -> Response<tonic::body::Body>
where
    F: Future<Output = Result<tonic::Response<Bytes>, Status>> + Send,
{
    let service = tower::service_fn(move |request: tonic::Request<Streaming<Bytes>>| {
        let answer = answer.clone();
        async move {
            let (metadata, _, messages) = request.into_parts();
            answer(metadata.into_headers(), one_of(messages).await?).await
        }
    });
    let mut grpc = Grpc::new(Raw).accept_compressed(CompressionEncoding::Gzip).max_decoding_message_size(MAX_MESSAGE);
    grpc.client_streaming(service, request).await
}

/// The message of `messages`, if it is one.
async fn one_of(mut messages: Streaming<Bytes>) -> Result<Bytes, Status> {
    let found = messages.message().await.map_err(too_large)?;
    let message = found.ok_or_else(|| Status::unimplemented("a call of this method has one message, and this one has none"))?;
    match messages.message().await {
        Ok(None) => Ok(message),
        _ => Err(Status::unimplemented("a call of this method has one message, and this one has more")),
    }
}

/// tonic has OUT_OF_RANGE for a message whose length exceeds the limit, and RESOURCE_EXHAUSTED when it does so unpacked.
fn too_large(error: Status) -> Status {
    match error.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            Status::resource_exhausted(format!("the message exceeds the limit of {MAX_MESSAGE} bytes"))
        }
        _ => error,
    }
}

/// The time that a call is given: `grpc-timeout`, at most 8 digits and a unit.
pub(super) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(given) = headers.get("grpc-timeout") else { return Ok(None) };
    let text = given.to_str().unwrap_or_default();
    read_timeout(text).map(Some).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        ApiError::invalid("", format!("grpc-timeout `{shown}` is none: write at most 8 digits and one of H, M, S, m, u, n"))
    })
}

fn read_timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Messages as bytes: what they mean is the method's.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        for (text, millis) in
            [("1H", 3_600_000), ("2M", 120_000), ("99999999S", 99_999_999_000), ("50m", 50), ("5000u", 5), ("7000000n", 7)]
        {
            assert_eq!(read_timeout(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "é", "1é"] {
            assert_eq!(read_timeout(wrong), None, "{wrong}");
        }
    }
}
