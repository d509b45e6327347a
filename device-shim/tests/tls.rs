//! The line with TLS on it: whom the shim trusts, and by what time.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod support;

use std::time::{Duration, SystemTime};

use rmqtt_codec::v5::ConnectAckReason;
use support::bridge::{Act, Bridge};
use support::shim::{Shim, run};
use support::tls::tls_before;
use support::wait_until;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A shim that is configured for that port and root, not yet started.
fn shim(bridge: &Bridge, host: &str, port: u16, root: Option<&str>) -> Shim {
    let shim = Shim::configure(bridge.addr, "");
    let mut config = std::fs::read_to_string(shim.config()).unwrap();
    config = config.replace(&format!("mqtt://{}", bridge.addr), &format!("mqtts://{host}:{port}"));
    if let Some(root) = root {
        std::fs::write(shim.path("root.pem"), root).unwrap();
        config = format!("ca = \"{}\"\n{config}", shim.path("root.pem").display());
    }
    std::fs::write(shim.config(), config).unwrap();
    shim
}

#[test]
fn readings_go_over_tls_to_whom_the_given_root_has_signed() {
    let bridge = Bridge::start([]);
    let (port, root) = tls_before(&bridge, SystemTime::now() - YEAR);
    let mut shim = shim(&bridge, "localhost", port, Some(&root));
    shim.restart();
    shim.send(0..200);
    shim.wait_delivered(200);
    assert_eq!(bridge.arrived().len(), 200);
    assert!(!shim.log().contains("WARN"), "{}", shim.log());
}

#[test]
fn an_unknown_root_and_another_name_are_refused_and_the_doctor_says_what_to_do() {
    let bridge = Bridge::start([]);
    let (port, root) = tls_before(&bridge, SystemTime::now() - YEAR);
    let (_, other_root) = tls_before(&bridge, SystemTime::now() - YEAR);
    for (host, root, problem, advice) in [
        ("localhost", other_root.as_str(), "cannot speak TLS with localhost:", "Set `ca` to a PEM file with the root"),
        ("127.0.0.1", &root, "cannot speak TLS with 127.0.0.1:", "The certificate is of another name than `127.0.0.1`"),
    ] {
        let mut shim = shim(&bridge, host, port, Some(root));
        let doctor = run(&["doctor", "--config", shim.config().to_str().unwrap()], "");
        let said = String::from_utf8(doctor.stdout).unwrap();
        assert!(said.contains(problem) && said.contains(advice), "{said}");
        shim.restart();
        shim.post("kept");
        wait_until("it has tried", || shim.log().contains(problem));
        assert_eq!((&shim.status()["held"], bridge.seen().connections), (&1.into(), 0));
    }
    let shim = shim(&bridge, "localhost", port, Some("no certificate"));
    let refused = run(&["run", "--config", shim.config().to_str().unwrap()], "");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && said.contains("root.pem cannot be used: it holds no certificate"), "{said}");
}

#[test]
fn a_clock_before_the_certificate_begins_is_corrected_through_tls() {
    // For a certificate that begins in a year, this machine's clock is a year and a half late.
    let refusal = "token expired at 2020-01-01T00:00:00Z, 9 hours ago by the server's time 2099-01-01T00:00:00Z (clock)";
    let bridge = Bridge::start([Act::Refuse(ConnectAckReason::NotAuthorized, refusal.replace("2099", &in_years(2)))]);
    let (port, root) = tls_before(&bridge, SystemTime::now() + YEAR);
    let mut shim = shim(&bridge, "localhost", port, Some(&root));
    shim.restart();
    shim.post("x");
    shim.wait_delivered(1);
    assert_eq!(bridge.seen().connections, 2, "refused once with the first day of the certificate, then let in");
    assert!(!shim.log().contains("WARN"), "{}", shim.log());
    // What was learnt is there after a restart: no refusal this time.
    shim.kill();
    shim.restart();
    wait_until("it is connected again", || bridge.seen().connections == 3);
    assert_eq!(shim.status()["link"]["losses"], 0);
}

/// The year that is so many years ahead.
fn in_years(years: u64) -> String {
    let secs = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    (1970 + secs / 31_556_952 + years).to_string()
}
