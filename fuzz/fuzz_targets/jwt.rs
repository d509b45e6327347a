//! A device JWT from a stranger: read or refused, and never believed without a key.
#![no_main]

use domain::Timestamp;
use domain::identity::UnverifiedJwt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(jwt) = UnverifiedJwt::parse(text) {
        let project = "p-1".parse().expect("a project id");
        let refusal = jwt.verify(&project, None, Timestamp::from_secs(1_795_176_000)).expect_err("no key, no device");
        assert!(!refusal.to_string().chars().any(char::is_control), "a refusal is one line");
    }
});
