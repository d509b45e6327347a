//! One suite for each port; every adapter runs it.
