//! The port [`ObjectStore`]: whole or not at all, one generation at a time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use domain::objects::{Interruption, ObjectInfo, ObjectName, Upload, Uploaded};
use domain::ports::ObjectStore;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

/// What the devices of a small fleet upload at once.
const WRITERS: usize = 8;
/// More than any buffer on the way.
const BIG_BYTES: usize = 20 * 1024 * 1024;
/// Bytes that an upload sends at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Runs every case against `store`, in a bucket that holds nothing of the suite's yet. An upload may have `max_held` of
/// its bytes in memory.
pub async fn suite(store: &dyn ObjectStore, bucket: &str, max_held: usize) {
    let case = Case { store, bucket };
    case.what_is_written_is_read_in_parts().await;
    case.what_is_not_there_is_none().await;
    case.generations_grow_and_an_old_one_is_gone().await;
    case.a_reader_never_gets_bytes_of_two_generations().await;
    case.what_is_wrong_or_cut_off_is_never_visible().await;
    case.an_empty_object_is_an_object().await;
    case.a_big_object_passes_through_in_pieces(max_held).await;
    case.names_are_taken_as_they_are().await;
    case.of_many_writers_one_wins_whole().await;
}

struct Case<'a> {
    store: &'a dyn ObjectStore,
    bucket: &'a str,
}

/// Bytes that differ from those of any other seed.
pub fn content(len: usize, seed: u8) -> Bytes {
    (0..len).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ seed).collect::<Vec<u8>>().into()
}

/// An upload of `bytes` in pieces, which ends with `end`.
pub fn upload(bytes: &Bytes, end: Option<Interruption>) -> Upload {
    let pieces = bytes.chunks(CHUNK_BYTES).map(|piece| Ok(Bytes::copy_from_slice(piece)));
    stream::iter(pieces.chain(end.map(Err)).collect::<Vec<_>>()).boxed()
}

/// Collects a download.
///
/// # Errors
/// That of the download.
pub async fn collect(
    store: &dyn ObjectStore,
    name: &ObjectName,
    generation: u64,
    range: Range<u64>,
) -> Result<Option<Bytes>, domain::PortError> {
    let Some(download) = store.open(name, generation, range).await? else { return Ok(None) };
    let pieces: Vec<Bytes> = download.try_collect().await?;
    Ok(Some(pieces.concat().into()))
}

impl Case<'_> {
    fn name(&self, object: &str) -> ObjectName {
        ObjectName::try_new(self.bucket, object).unwrap()
    }

    async fn put(&self, object: &str, bytes: &Bytes) -> ObjectInfo {
        match self.store.write(&self.name(object), upload(bytes, None), Some(crc32c::crc32c(bytes))).await.unwrap() {
            Uploaded::Stored(info) => info,
            other => panic!("{object}: {other:?}"),
        }
    }

    async fn get(&self, object: &str, generation: u64, range: Range<u64>) -> Option<Bytes> {
        collect(self.store, &self.name(object), generation, range).await.unwrap()
    }

    async fn what_is_written_is_read_in_parts(&self) {
        let bytes = content(300_000, 1);
        let info = self.put("parts/a", &bytes).await;
        assert_eq!((info.size, info.crc32c), (300_000, Some(crc32c::crc32c(&bytes))));
        assert_eq!(self.store.stat(&self.name("parts/a")).await.unwrap(), Some(info.clone()));
        for range in [0..300_000, 0..1, 5..7, 299_999..300_000, 65_535..65_537, 7..7] {
            let expected = bytes.slice(range.start as usize..range.end as usize);
            assert_eq!(self.get("parts/a", info.generation, range.clone()).await, Some(expected), "{range:?}");
        }
        assert_eq!(self.get("parts/a", info.generation, 0..300_001).await, None, "never more than there is");
        let unannounced = self.store.write(&self.name("parts/b"), upload(&bytes, None), None).await.unwrap();
        assert!(matches!(unannounced, Uploaded::Stored(info) if info.crc32c == Some(crc32c::crc32c(&bytes))));
    }

    async fn what_is_not_there_is_none(&self) {
        assert_eq!(self.store.stat(&self.name("none/a")).await.unwrap(), None);
        for range in [0..1, 0..0] {
            assert!(self.store.open(&self.name("none/a"), 1, range).await.unwrap().is_none());
        }
        let info = self.put("none/b", &content(10, 2)).await;
        for range in [0..10, 0..0, 10..10] {
            assert!(self.store.open(&self.name("none/b"), info.generation + 1, range.clone()).await.unwrap().is_none(), "{range:?}");
        }
    }

    async fn generations_grow_and_an_old_one_is_gone(&self) {
        let first = self.put("grow", &content(1000, 0)).await;
        let mut last = first.clone();
        for seed in 1..10 {
            let next = self.put("grow", &content(1000, seed)).await;
            assert!(next.generation > last.generation && next.etag != last.etag, "{last:?} then {next:?}");
            last = next;
        }
        assert_eq!(self.get("grow", first.generation, 0..1000).await, None, "the first has gone");
        assert_eq!(self.get("grow", last.generation, 0..1000).await, Some(content(1000, 9)));
    }

    async fn a_reader_never_gets_bytes_of_two_generations(&self) {
        let (old, new) = (content(4_000_000, 3), content(4_000_000, 4));
        let info = self.put("replaced", &old).await;
        let mut reading = self.store.open(&self.name("replaced"), info.generation, 0..info.size).await.unwrap().unwrap();
        let mut came = reading.next().await.unwrap().unwrap().to_vec();
        self.put("replaced", &new).await;
        let mut is_whole = true;
        while let Some(piece) = reading.next().await {
            match piece {
                Ok(piece) => came.extend_from_slice(&piece),
                Err(_) => is_whole = false,
            }
        }
        assert!(old.starts_with(&came) && (!is_whole || came.len() == old.len()), "{} bytes, whole: {is_whole}", came.len());
    }

    async fn what_is_wrong_or_cut_off_is_never_visible(&self) {
        let before = self.put("kept", &content(10, 5)).await;
        // One that fits into any buffer, and one that does not.
        for len in [5, 6_000_000] {
            let bytes = content(len, 6);
            for object in ["kept", "never"] {
                let wrong = self.store.write(&self.name(object), upload(&bytes, None), Some(7)).await.unwrap();
                assert_eq!(wrong, Uploaded::Mismatch { arrived: crc32c::crc32c(&bytes) });
                for why in [Interruption::Cut("gone".into()), Interruption::TooLarge { limit: 1 }] {
                    let cut = self.store.write(&self.name(object), upload(&bytes, Some(why.clone())), None).await.unwrap();
                    assert_eq!(cut, Uploaded::Interrupted(why));
                }
            }
        }
        assert_eq!(self.store.stat(&self.name("kept")).await.unwrap(), Some(before.clone()));
        assert_eq!(self.get("kept", before.generation, 0..10).await, Some(content(10, 5)));
        assert_eq!(self.store.stat(&self.name("never")).await.unwrap(), None);
    }

    async fn an_empty_object_is_an_object(&self) {
        let info = self.put("empty", &Bytes::new()).await;
        assert_eq!((info.size, info.crc32c), (0, Some(0)));
        assert_eq!(self.store.stat(&self.name("empty")).await.unwrap(), Some(info.clone()));
        assert_eq!(self.get("empty", info.generation, 0..0).await, Some(Bytes::new()));
    }

    async fn a_big_object_passes_through_in_pieces(&self, max_held: usize) {
        let bytes = content(BIG_BYTES, 8);
        let held = Arc::new(Held::default());
        let (source, holder) = (bytes.clone(), held.clone());
        let pieces =
            stream::iter(0..BIG_BYTES / CHUNK_BYTES).map(move |i| Ok(holder.piece(&source[i * CHUNK_BYTES..(i + 1) * CHUNK_BYTES])));
        let stored = self.store.write(&self.name("big"), pieces.boxed(), Some(crc32c::crc32c(&bytes))).await.unwrap();
        let Uploaded::Stored(info) = stored else { panic!("{stored:?}") };
        let (now, most) = (held.now.load(Ordering::SeqCst), held.most.load(Ordering::SeqCst));
        assert!(now == 0 && most <= max_held, "{most} bytes were held at once, {now} still are; {max_held} are allowed");
        let mut reading = self.store.open(&self.name("big"), info.generation, 0..info.size).await.unwrap().unwrap();
        let mut at = 0;
        while let Some(piece) = reading.next().await.transpose().unwrap() {
            assert!(piece.len() <= max_held && bytes[at..].starts_with(&piece), "at byte {at}");
            at += piece.len();
        }
        assert_eq!(at, BIG_BYTES);
    }

    async fn names_are_taken_as_they_are(&self) {
        let names = ["a b/c", "ü/日本語", "100%/x%2Fy", "what?/#1", "a+b&c=d;e", "q\"u'o`te", "~tilde/$@!*()", ".hidden/..."];
        for (seed, object) in (10..).zip(names) {
            let bytes = content(100, seed);
            let info = self.put(object, &bytes).await;
            assert_eq!(self.store.stat(&self.name(object)).await.unwrap(), Some(info.clone()), "{object}");
            assert_eq!(self.get(object, info.generation, 0..100).await, Some(bytes), "{object}");
        }
        assert_eq!(self.store.stat(&self.name("100%/x/y")).await.unwrap(), None, "an encoded slash is no slash");
    }

    async fn of_many_writers_one_wins_whole(&self) {
        let all: Vec<Bytes> = (0..WRITERS).map(|i| content(700_000, 20 + i as u8)).collect();
        let infos = join_all(all.iter().map(|bytes| self.put("contended", bytes))).await;
        let (winner, last) = infos.iter().enumerate().max_by_key(|(_, info)| info.generation).unwrap();
        assert_eq!(self.store.stat(&self.name("contended")).await.unwrap().as_ref(), Some(last));
        assert_eq!(self.get("contended", last.generation, 0..700_000).await.as_ref(), Some(&all[winner]));
        let generations: std::collections::BTreeSet<_> = infos.iter().map(|info| info.generation).collect();
        assert_eq!(generations.len(), WRITERS, "each write has its own");
    }
}

/// Counts the bytes of an upload that are in memory.
#[derive(Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Piece {
    bytes: Vec<u8>,
    held: Arc<Held>,
}

impl Held {
    fn piece(self: &Arc<Self>, bytes: &[u8]) -> Bytes {
        let now = self.now.fetch_add(bytes.len(), Ordering::SeqCst) + bytes.len();
        self.most.fetch_max(now, Ordering::SeqCst);
        Bytes::from_owner(Piece { bytes: bytes.to_vec(), held: self.clone() })
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.held.now.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}
