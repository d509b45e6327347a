//! What device and cloud say to each other: names, topics, claims, limits. No I/O, no async.
