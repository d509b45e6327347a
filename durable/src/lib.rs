//! Opens sled so that a commit survives a power cut.
//!
//! # Promise
//! - When [`Store::commit`] returns `Ok`, every write that its caller made before the call survives `kill -9` and a
//!   power cut, in the order in which the writes were made: after a crash a store holds a prefix of its writes, and
//!   that prefix ends no earlier than the last successful commit.
//! - Threads that commit at the same time share one flush, and each returns only after a flush that began after its
//!   own call.
//! - A store that cannot be opened, or that finds a bad page later, is an error and never a panic of the caller.
//!   (sled reports some of its corruptions by panicking; this needs `panic = "unwind"`, the profile's default.)
//! - After a failed commit the store refuses every further commit until it is opened again, because a file system may
//!   have dropped the pages it could not write.
//!
//! # Not promised
//! - Writes without a commit: they may or may not be there after a crash.
//! - Atomicity over several keys: a crash may keep the first of two writes and not the second.
//! - A device that answers "flushed" before it is.
//! - Opening on a full disk: sled writes a snapshot when it opens. Whoever needs that keeps a ballast file to delete.
//!
//! # Why not sled alone
//! sled 0.34.7's `flush()` is `pwrite` and `sync_file_range`: it flushes no device cache and does not commit the new
//! length of the file. Cutting the power lost acknowledged data in 31 of 40 runs. A second descriptor on `<dir>/db`
//! and an `fdatasync` after the flush lost none in 410 runs. Values large enough to become a blob file are not
//! covered by that sync, so [`Tree`] refuses them ([`Options::value_limit_bytes`]).

mod error;
mod group;
mod options;
mod store;
mod tree;

pub use error::{Error, OpenError};
pub use options::Options;
pub use store::Store;
pub use tree::{Entry, Swap, Tree, Value};
