//! The sample's word order: `accesstoken.py --project_id=… generate-access-token`.

use std::ffi::OsString;

const NAMES: [&str; 6] = [
    "generate-access-token",
    "publish-pubsub-message",
    "send-command-to-iot-device",
    "send-iot-command",
    "download-cloud-storage-file",
    "exchange-device-token-for-service-account-token",
];

/// Puts one of the five names first when flags stand before it; anything else stays as it is.
pub(crate) fn in_order(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<_> = args.collect();
    let begins_with_flag = args.get(1).and_then(|arg| arg.to_str()).is_some_and(|arg| arg.starts_with("--") && arg.len() > 2);
    let is_name = |arg: &OsString| arg.to_str().is_some_and(|arg| NAMES.contains(&arg.replace('_', "-").as_str()));
    if let Some(at) = args.iter().position(is_name).filter(|_| begins_with_flag) {
        args[1..=at].rotate_right(1);
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> String {
        let args = in_order(line.split(' ').map(OsString::from));
        args.iter().map(|a| a.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_may_stand_before_the_subcommand_as_in_the_sample() {
        assert_eq!(read("d --a=1 --b 2 generate_access_token --c"), "d generate_access_token --a=1 --b 2 --c");
        for same in ["d generate-access-token --a 1", "d devices list --a", "d", "d --help", "d up generate-access-token"] {
            assert_eq!(read(same), same);
        }
    }
}
