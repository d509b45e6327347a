//! Keeps every acknowledged reading until the cloud has it.
