//! Adapters for Google Cloud: Pub/Sub.
