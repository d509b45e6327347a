//! Vocabulary, rules and ports of the cloud side.
