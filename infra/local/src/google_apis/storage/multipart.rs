//! `multipart/related` of an upload: the object's metadata, then its bytes (RFC 2387). The bytes pass as they come.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use domain::objects::{Interruption, Upload};
use futures_util::stream::{self, StreamExt as _};
use memchr::memmem;
use serde::Deserialize;

/// The metadata and the headers of both parts, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// What is read of an object's metadata. Names of content types and the like are not kept.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: Option<String>,
    pub(super) crc32c: Option<String>,
}

/// Takes a body apart whose `Content-Type` this is.
pub(super) async fn split(content_type: &str, body: Body) -> Result<(Metadata, Upload), String> {
    let boundary =
        boundary(content_type).ok_or_else(|| format!("`{}` is no multipart/related with a boundary", content_type.escape_debug()))?;
    // A delimiter begins with the line's end before it; the first line has none.
    let delimiter = format!("\r\n--{boundary}");
    let (mut rest, mut buffer) = (body.into_data_stream(), BytesMut::from(&b"\r\n"[..]));
    let metadata = loop {
        if let Some((metadata, at)) = head(&buffer, delimiter.as_bytes())? {
            let _head = buffer.split_to(at);
            break metadata;
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(format!("the metadata exceeds the limit of {HEAD_LIMIT} bytes"));
        }
        match rest.next().await {
            Some(Ok(chunk)) => buffer.extend_from_slice(&chunk),
            Some(Err(e)) => return Err(e.to_string()),
            None => return Err("the body ends before its second part".into()),
        }
    };
    let reading = Reading { rest, buffer, delimiter: delimiter.into(), is_over: false };
    Ok((metadata, stream::try_unfold(reading, Reading::next).boxed()))
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, params) = content_type.split_once(';')?;
    let value = params.split(';').find_map(|param| param.trim().strip_prefix("boundary="))?;
    let value = value.strip_prefix(['"', '\'']).and_then(|v| v.strip_suffix(['"', '\''])).unwrap_or(value);
    (kind.trim().eq_ignore_ascii_case("multipart/related") && (1..=70).contains(&value.len())).then_some(value)
}

/// The metadata and where the second part's bytes begin; `None` while they are not all there.
fn head(buffer: &[u8], delimiter: &[u8]) -> Result<Option<(Metadata, usize)>, String> {
    let find = |needle: &[u8], from: usize| memmem::find(&buffer[from..], needle).map(|at| from + at + needle.len());
    let first = find(delimiter, 0).and_then(|at| find(b"\r\n\r\n", at));
    let Some(first) = first else { return Ok(None) };
    let Some(end) = memmem::find(&buffer[first..], delimiter).map(|at| first + at) else { return Ok(None) };
    let Some(second) = find(b"\r\n\r\n", end) else { return Ok(None) };
    let metadata = serde_json::from_slice(&buffer[first..end]).map_err(|e| format!("the metadata cannot be read: {e}"))?;
    Ok(Some((metadata, second)))
}

struct Reading {
    rest: BodyDataStream,
    buffer: BytesMut,
    delimiter: Bytes,
    is_over: bool,
}

impl Reading {
    /// The next bytes that are surely not of the delimiter.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Interruption> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                self.is_over = true;
                return Ok(Some((self.buffer.split_to(at).freeze(), self)));
            }
            let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if sure > 0 {
                return Ok(Some((self.buffer.split_to(sure).freeze(), self)));
            }
            match self.rest.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(e)) => return Err(Interruption::Cut(e.to_string())),
                None => return Err(Interruption::Cut("the body ends without its closing boundary".into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/related; boundary=\"==b==\"";

    async fn parts(body: &[u8], chunk: usize) -> Result<(Metadata, Vec<u8>), String> {
        let chunks: Vec<_> = body.chunks(chunk).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
        let (metadata, mut media) = split(TYPE, Body::from_stream(stream::iter(chunks))).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = media.next().await {
            bytes.extend_from_slice(&chunk.map_err(|e| e.to_string())?);
        }
        Ok((metadata, bytes))
    }

    fn body(media: &[u8]) -> Vec<u8> {
        let head =
            b"--==b==\r\ncontent-type: application/json\r\n\r\n{\"name\": \"a/b\", \"x\": 1}\r\n--==b==\r\ncontent-type: x/y\r\n\r\n";
        [head, media, b"\r\n--==b==--\r\n"].concat()
    }

    #[tokio::test]
    async fn the_bytes_come_out_as_they_went_in_however_they_are_cut() {
        for media in [&b""[..], b"x", b"\r\n--==b", b"\r\n\r\n--==B==\r\n", &[b'\r'; 300]] {
            for chunk in [1, 2, 7, 64, 10_000] {
                let (metadata, bytes) = parts(&body(media), chunk).await.unwrap();
                assert_eq!((metadata.name.as_deref(), bytes.as_slice()), (Some("a/b"), media), "in pieces of {chunk}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_is_never_taken_for_whole() {
        let whole = body(b"some bytes");
        let end = whole.len() - b"\r\n--==b==--\r\n".len();
        for cut in [0, 5, 60, end - 3, end, end + 6] {
            assert!(parts(&whole[..cut], 16).await.is_err(), "cut at {cut}");
        }
        for no in ["multipart/related", "multipart/form-data; boundary=b", "text/plain"] {
            assert!(split(no, Body::empty()).await.is_err(), "{no}");
        }
        let e = split(TYPE, Body::from(vec![b'x'; HEAD_LIMIT + 1])).await.err().unwrap();
        assert!(e.contains("limit of 65536 bytes"), "{e}");
    }
}
