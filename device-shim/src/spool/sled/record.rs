//! Records: what a tree holds. Several small readings packed, or one chunk of a reading too large for a record.
//!
//! Value: CRC-32 of what follows (u32), boot (u32), then
//! - packed: `0`, and for each reading its length (LEB128) and bytes;
//! - chunk: `1`, count of chunks (u16), and the bytes. Its index stands in the key.
//!
//! Integers in values are little-endian. A key is the place (u64) of the first reading and the index of the chunk
//! (u16), big-endian, so that keys sort as readings do.

use bytes::{Buf, Bytes};

use super::batch::Batch;
use crate::spool::reading::{put_len, take_len};
use crate::spool::{ReadingError, Seq};

/// The most bytes of a record. Eight of them stay below a quarter of a 512 KiB segment, so that no page becomes a blob.
pub(super) const RECORD_BYTES: usize = 14 << 10;

const HEADER_BYTES: usize = 4 + 4 + 1;
const CHUNK_BYTES: usize = RECORD_BYTES - HEADER_BYTES - 2;
const PACKED: u8 = 0;
const CHUNK: u8 = 1;

/// Where a record begins: the place of its first reading, and which chunk of it.
pub(super) type Place = (Seq, u16);

/// A [`Place`] as a key.
pub(super) fn key((seq, chunk): Place) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&seq.to_be_bytes());
    key[8..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// Reads back what [`key`] wrote.
pub(super) fn place(mut key: &[u8]) -> Option<Place> {
    if key.len() != 10 {
        return None;
    }
    Some((key.get_u64(), key.get_u16()))
}

/// A record read back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) boot: u32,
    pub(super) content: Content,
}

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Encoded readings at consecutive places.
    Packed(Vec<Bytes>),
    /// Part of one encoded reading, which has this many parts.
    Chunk { of: u16, bytes: Bytes },
}

/// Packs `readings`, the first of them at `first`, into records of nearly equal size and gives each to `put`.
pub(super) fn pack<'a, E>(
    boot: u32,
    first: Seq,
    readings: impl Iterator<Item = &'a [u8]> + Clone,
    mut put: impl FnMut(Place, Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let total: usize = readings.clone().map(|reading| reading.len() + 4).sum();
    let fits = RECORD_BYTES - HEADER_BYTES;
    let target = total.div_ceil(total.div_ceil(fits).max(1)).min(fits);
    let (mut record, mut start, mut seq) = (header(boot, PACKED), first, first);
    for reading in readings {
        let needed = reading.len() + 4;
        let full = record.len() + needed > RECORD_BYTES || record.len() - HEADER_BYTES >= target;
        if full && seq > start {
            put((start, 0), sealed(std::mem::replace(&mut record, header(boot, PACKED))))?;
            start = seq;
        }
        if needed > fits {
            split(boot, seq, reading, &mut put)?;
            start = seq + 1;
        } else {
            put_len(&mut record, reading.len());
            record.extend_from_slice(reading);
        }
        seq += 1;
    }
    if seq > start { put((start, 0), sealed(record)) } else { Ok(()) }
}

fn split<E>(boot: u32, seq: Seq, reading: &[u8], put: &mut impl FnMut(Place, Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    // At most 256 KiB and 12 KiB of names: 19 chunks.
    let of = reading.len().div_ceil(CHUNK_BYTES) as u16;
    for (index, bytes) in (0..of).zip(reading.chunks(CHUNK_BYTES)) {
        let mut record = header(boot, CHUNK);
        record.extend_from_slice(&of.to_le_bytes());
        record.extend_from_slice(bytes);
        put((seq, index), sealed(record))?;
    }
    Ok(())
}

/// One record of all of `batch`, which must fit: an item of the staging tree.
pub(super) fn pack_whole(boot: u32, batch: &Batch) -> Vec<u8> {
    let mut record = header(boot, PACKED);
    for reading in batch.iter_from(0) {
        put_len(&mut record, reading.len());
        record.extend_from_slice(reading);
    }
    sealed(record)
}

fn header(boot: u32, kind: u8) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD_BYTES);
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(&boot.to_le_bytes());
    record.push(kind);
    record
}

fn sealed(mut record: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&record[4..]);
    record[..4].copy_from_slice(&sum.to_le_bytes());
    record
}

/// Checks and reads a record.
pub(super) fn unpack(value: &[u8]) -> Result<Record, ReadingError> {
    let mut rest = Bytes::copy_from_slice(value);
    let sum = rest.try_get_u32_le().map_err(|_| ReadingError::Malformed)?;
    if crc32fast::hash(&rest) != sum {
        return Err(ReadingError::Malformed);
    }
    let boot = rest.try_get_u32_le().map_err(|_| ReadingError::Malformed)?;
    let content = match rest.try_get_u8() {
        Ok(PACKED) => Content::Packed(unpack_readings(rest)?),
        Ok(CHUNK) => {
            let of = rest.try_get_u16_le().map_err(|_| ReadingError::Malformed)?;
            Content::Chunk { of, bytes: rest }
        }
        _ => return Err(ReadingError::Malformed),
    };
    Ok(Record { boot, content })
}

fn unpack_readings(mut rest: Bytes) -> Result<Vec<Bytes>, ReadingError> {
    let mut readings = Vec::new();
    while !rest.is_empty() {
        let len = take_len(&mut rest)?;
        if len > rest.len() {
            return Err(ReadingError::Malformed);
        }
        readings.push(rest.split_to(len));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn packed(readings: &[Vec<u8>]) -> Vec<(Place, Vec<u8>)> {
        let mut records = Vec::new();
        let Ok(()) = pack(7, 100, readings.iter().map(Vec::as_slice), |place, record| {
            records.push((place, record));
            Ok::<_, Infallible>(())
        });
        records
    }

    proptest! {
        #[test]
        fn readings_come_back_in_order_and_no_record_is_too_large(
            sizes in proptest::collection::vec(prop_oneof![4 => 0_usize..400, 1 => 10_000_usize..40_000], 1..60)
        ) {
            let readings: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
            let (mut found, mut large) = (Vec::new(), Vec::new());
            for ((seq, chunk), value) in packed(&readings) {
                prop_assert!(value.len() <= RECORD_BYTES);
                prop_assert_eq!(seq, 100 + found.len() as u64);
                match unpack(&value).expect("intact").content {
                    Content::Packed(readings) => found.extend(readings.iter().map(|bytes| bytes.to_vec())),
                    Content::Chunk { of, bytes } => {
                        large.extend_from_slice(&bytes);
                        if chunk + 1 == of {
                            found.push(std::mem::take(&mut large));
                        }
                    }
                }
            }
            prop_assert_eq!(found, readings);
        }
    }

    #[test]
    fn one_flipped_bit_is_found() {
        let (_, mut record) = packed(&[b"reading".to_vec()]).remove(0);
        assert!(unpack(&record).is_ok());
        record[12] ^= 1;
        assert_eq!(unpack(&record), Err(ReadingError::Malformed));
    }

    #[test]
    fn a_group_of_256_small_readings_fills_its_records_evenly() {
        let sizes: Vec<usize> = packed(&vec![vec![1; 212]; 256]).iter().map(|(_, record)| record.len()).collect();
        assert_eq!(sizes.len(), 4);
        assert!(sizes.iter().all(|size| *size > 12_000), "{sizes:?}");
    }
}
