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
    let not_there = "the device must be connected over MQTT and subscribed to /devices/meter/commands/#";
    scene.run("commands send meter --command-data hey").fails(1, &["is not subscribed to the commands topic", not_there]);
    let mut device = Device::connect(&scene, "meter");
    device.subscribe("/devices/meter/commands/#");
    let taken = thread::spawn(move || (device.take(), device.take()));
    let sent = scene.run("commands send meter --command-data hey").ok();
    assert_eq!(sent, "The device `meter` acknowledged the command.\n");
    std::fs::write(scene.path("firmware.json"), "{}").unwrap();
    scene.run("devices commands send --device meter --command_file firmware.json --subfolder update").ok();
    let (first, second) = taken.join().unwrap();
    assert_eq!(first, ("/devices/meter/commands".to_owned(), "hey".to_owned()));
    assert_eq!(second, ("/devices/meter/commands/update".to_owned(), "{}".to_owned()));
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
