//! `drawbridge commands` and `drawbridge states`, with a device at the other end.

use std::thread;

use crate::device::Device;
use crate::support::Scene;

fn with_device() -> Scene {
    let scene = Scene::with_registry();
    scene.make_key("meter");
    scene.run("devices create meter --public-key path=meter.pub.pem,type=es256").ok();
    scene
}

#[test]
fn a_command_is_done_when_the_device_has_acknowledged_it() {
    let scene = with_device();
    let not_there =
        "the device must be connected over MQTT and subscribed to /devices/meter/commands/#; with --ttl the command waits for it";
    scene.run("commands send meter --command-data hey").fails(1, &["is not subscribed to the commands topic", not_there]);
    let mut device = Device::connect(&scene, "meter");
    device.subscribe("/devices/meter/commands/#");
    let taken = thread::spawn(move || (device.take(), device.take()));
    let sent = scene.run("commands send meter --command-data hey").ok();
    assert_eq!(sent, "The device `meter` has the command: it acknowledged it, or subscribed at QoS 0.\n");
    std::fs::write(scene.path("firmware.json"), "{}").unwrap();
    scene.run("devices commands send --device meter --command_file firmware.json --subfolder update").ok();
    let (first, second) = taken.join().unwrap();
    assert_eq!(first, ("/devices/meter/commands".to_owned(), "hey".to_owned()));
    assert_eq!(second, ("/devices/meter/commands/update".to_owned(), "{}".to_owned()));
}

#[test]
fn a_command_with_ttl_waits_for_the_device() {
    let scene = with_device();
    let said = scene.run("commands send meter --command-data hey --ttl 1h").ok();
    assert!(said.contains("waits for device `meter` until") && said.contains("drawbridge commands list meter --registry"), "{said}");
    let id = said.split('`').nth(1).unwrap().to_owned();
    let second = scene.run("commands send meter --command-data never --ttl 7d --json").json();
    assert_eq!((&second["state"], &second["binaryData"]), (&"QUEUED".into(), &"bmV2ZXI=".into()));
    let second = second["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert!(scene.run(&format!("commands cancel meter --command {second}")).ok().contains(&format!("Cancelled the command `{second}`.")));
    let mut device = Device::connect(&scene, "meter");
    device.subscribe("/devices/meter/commands/#");
    assert_eq!(device.take(), ("/devices/meter/commands".to_owned(), "hey".to_owned()));
    let list = || scene.run("commands list meter").ok();
    for _ in 0..500 {
        if list().contains("ACKNOWLEDGED") {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(10));
    }
    let table = list();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("ID") && lines[0].contains("STATE"), "{table}");
    assert!(lines[1].starts_with(&id) && lines[1].contains("ACKNOWLEDGED") && lines[2].contains("CANCELED"), "{table}");
    let described = scene.run(&format!("devices commands describe --device meter --command {id} --json")).json();
    assert_eq!((&described["state"], &described["attempts"]), (&"ACKNOWLEDGED".into(), &1.into()), "sent once, though looked at thrice");
    scene.run(&format!("commands cancel meter --command {id}")).fails(1, &["is ACKNOWLEDGED: only one that is QUEUED"]);
    scene.run("commands describe meter --command x").fails(1, &["`x` is not a command or broadcast id"]);
    scene.run("commands send meter --command-data x --ttl 3600").fails(64, &["`3600` is no time"]);
    scene.run("commands send meter --command-data x --ttl 8d").fails(1, &["ttl 691200 s is not valid"]);
}

#[test]
fn a_broadcast_goes_to_all_that_match_and_tells_how_far_it_got() {
    let scene = with_device();
    for (id, site) in [("south", "a"), ("north", "b")] {
        scene.run(&format!("devices create {id} --metadata site={site}")).ok();
    }
    let mut device = Device::connect(&scene, "meter");
    device.subscribe("/devices/meter/commands/#");
    let taken = thread::spawn(move || device.take());
    let ran = scene.run("commands broadcast --command-data hey --per-second 2");
    assert!(ran.err.contains("If this is interrupted, go on with: drawbridge commands broadcast --resume "), "{ran:?}");
    assert!(ran.out.starts_with("DONE: 3 devices: 1 acknowledged, 0 delivered, 0 waiting, 2 not connected, 0 failed."), "{ran:?}");
    assert_eq!(taken.join().unwrap().1, "hey");
    let done = scene.run("commands broadcast --command-data hey --ttl 1h --metadata site=a --subfolder x --json").json();
    assert_eq!((&done["matched"], &done["queued"], &done["state"]), (&1.into(), &1.into(), &"DONE".into()));
    let id = done["name"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(scene.run("commands list south").ok().contains(id), "under the id of the broadcast");
    let again = scene.run(&format!("commands broadcast --resume {id}")).ok();
    assert!(again.starts_with("DONE: 1 devices"), "{again}");
    scene.run(&format!("commands broadcast --cancel {id}")).fails(1, &["is DONE: only one that is RUNNING"]);
    scene.run("commands broadcast --resume x --ttl 1h").fails(64, &["--ttl"]);
}

#[test]
fn states_are_listed_newest_first() {
    let scene = with_device();
    let none = scene.run("states list meter");
    assert!(none.err.contains("has reported no state yet") && none.out.is_empty(), "{none:?}");
    let mut device = Device::connect(&scene, "meter");
    device.publish("/devices/meter/state", b"starting");
    thread::sleep(std::time::Duration::from_millis(1100)); // One state a second and device is the limit.
    device.publish("/devices/meter/state", b"\x1b[31mrunning");
    let table = scene.run("devices states list meter").ok();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("UPDATE_TIME") && lines[2].ends_with("starting"), "{table}");
    assert!(lines[1].ends_with("(12 bytes) G1szMW1ydW5uaW5n"), "what a device sends does not drive the terminal: {table}");
    assert_eq!(scene.run("states list meter --limit 1 --json").json().as_array().unwrap().len(), 1);
}
