//! Adapters for one machine: sled records, a topic log on disk.
