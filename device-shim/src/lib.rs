//! Keeps every acknowledged reading until the cloud has it.

pub mod spool;
