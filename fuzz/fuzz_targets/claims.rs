//! The claims of a JWT whose header is good: every date that is read is one that can be calculated with.
#![no_main]

use domain::Timestamp;
use libfuzzer_sys::fuzz_target;
use protocol::DeviceClaims;

fuzz_target!(|json: &[u8]| {
    if let Ok(claims) = serde_json::from_slice::<DeviceClaims>(json) {
        let (iat, exp) = (Timestamp::from_secs(claims.iat), Timestamp::from_secs(claims.exp));
        let _age = exp.since(iat) + iat.since(exp);
        let _text = (iat.to_string(), exp.to_string());
        let again = serde_json::to_vec(&claims).expect("claims can be written");
        assert_eq!(serde_json::from_slice::<DeviceClaims>(&again).expect("and read again"), claims);
    }
});
