//! Each benchmark beside its peers in one run.
