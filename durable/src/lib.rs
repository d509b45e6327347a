//! Opens sled so that a commit survives a power cut.
