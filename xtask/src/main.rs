//! Every routine of the project: demo, test, bench, check.

fn main() {}
