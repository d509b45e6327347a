//! The acknowledged position, in a file of its own that never grows: two slots, written in turn and in place.
//!
//! So saving it needs no space on a full disk, and costs one page and one flush instead of a commit of the database. A
//! torn write damages one slot, and the other one has the position before. Each slot is a page: the position and its
//! CRC-32, big-endian. Positions only grow, so the highest intact one counts; none is intact: zero.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::spool::Seq;

/// A page of the file system: no write of one slot touches the other.
const SLOT_BYTES: usize = 4_096;
const SLOTS: usize = 2;
/// The position and its checksum.
const USED_BYTES: usize = 12;

pub(super) struct Position {
    file: File,
    slots: [Seq; SLOTS],
}

impl Position {
    /// Opens the file at `path`, or creates it with all the space that it will ever need. Its entry in the folder is for the caller
    /// to make durable.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() != (SLOTS * SLOT_BYTES) as u64 {
            file.set_len(0)?;
            file.write_all_at(&[0; SLOTS * SLOT_BYTES], 0)?;
            file.sync_all()?;
        }
        let mut slots = [0; SLOTS];
        for (index, slot) in slots.iter_mut().enumerate() {
            let mut bytes = [0; USED_BYTES];
            file.read_exact_at(&mut bytes, offset(index))?;
            *slot = decode(bytes).unwrap_or(0);
        }
        Ok(Self { file, slots })
    }

    /// What is durable.
    pub(super) fn saved(&self) -> Seq {
        self.slots[0].max(self.slots[1])
    }

    /// Makes `position` durable, over the older of the two.
    pub(super) fn save(&mut self, position: Seq) -> io::Result<()> {
        let older = usize::from(self.slots[1] < self.slots[0]);
        self.file.write_all_at(&encode(position), offset(older))?;
        self.file.sync_data()?;
        self.slots[older] = position;
        Ok(())
    }
}

fn offset(slot: usize) -> u64 {
    (slot * SLOT_BYTES) as u64
}

fn encode(position: Seq) -> [u8; USED_BYTES] {
    let (position, mut bytes) = (position.to_be_bytes(), [0; USED_BYTES]);
    bytes[..8].copy_from_slice(&position);
    bytes[8..].copy_from_slice(&crc32fast::hash(&position).to_be_bytes());
    bytes
}

fn decode(bytes: [u8; USED_BYTES]) -> Option<Seq> {
    let position: [u8; 8] = bytes[..8].try_into().ok()?;
    let intact = bytes[8..] == crc32fast::hash(&position).to_be_bytes();
    intact.then(|| Seq::from_be_bytes(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_a_torn_write_leaves_the_one_before() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("acknowledged");
        let mut position = Position::open(&path).expect("created");
        assert_eq!(position.saved(), 0);
        for place in [7, 8, 9] {
            position.save(place).expect("saved");
            assert_eq!(Position::open(&path).expect("opened").saved(), place);
        }
        // 9 is in the first slot.
        position.file.write_all_at(&[0xff; 5], 0).expect("torn");
        let mut position = Position::open(&path).expect("opened");
        assert_eq!(position.saved(), 8);
        position.save(10).expect("saved");
        position.file.write_all_at(&[0xff; 5], SLOT_BYTES as u64).expect("torn");
        assert_eq!(Position::open(&path).expect("opened").saved(), 10, "the damaged slot was the one written over");
    }
}
