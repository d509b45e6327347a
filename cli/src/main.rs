//! Drawbridge: Cloud IoT Core in your own account.

fn main() {}
