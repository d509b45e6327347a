//! What runs, with what, where.
