//! The form at `POST /token`: read or refused, and what is read names one device.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Some(device) = token_exchange::device_of_form(body) {
        assert_eq!(device.to_string().parse::<protocol::DeviceName>().expect("a device's name"), device);
    }
});
