//! One device event to every topic its registry routes it to.
