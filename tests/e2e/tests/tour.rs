//! What the README tells a person to type, typed as it stands there: only ports and folders are this test's own.

use anyhow::{Result, ensure};
use e2e_tests::{Scene, Terminal, wait_for};

/// Runs at the end: stops what was started in the background.
const EPILOGUE: &str = "kill $(jobs -p); wait";

#[test]
fn the_tour_of_the_readme_works_as_written() -> Result<()> {
    Scene::play("tour", take_the_tour)
}

fn take_the_tour(scene: &Scene) -> Result<()> {
    let terminal = Terminal::new(scene)?;
    let blocks = terminal.blocks("Five minutes by hand", 4)?;
    // The first terminal goes on by itself; the second waits for it. `tail` follows, so it ends when it has shown enough.
    let serve = format!("{} &\n{}", blocks[0].trim_end(), wait_for("curl -sf $http/healthz"));
    let start = format!("{}\n{}", blocks[2], wait_for("curl -sf $intake/status"));
    let read = blocks[3].replace("drawbridge tail", "timeout 2 drawbridge tail");
    let script = [&serve, &blocks[1], &start, &read, EPILOGUE].join("\n");
    let output = terminal.run(&script)?;
    ensure!(output.contains("{\"celsius\": 21.5}") && output.contains("pi-1"), "{script}\n\n{output}");
    Ok(())
}

#[test]
fn the_readme_does_all_that_accesstoken_py_did() -> Result<()> {
    Scene::play("accesstoken-readme", do_what_the_sample_did)
}

fn do_what_the_sample_did(scene: &Scene) -> Result<()> {
    let terminal = Terminal::new(scene)?;
    let blocks = terminal.blocks("What Google's accesstoken.py did", 5)?;
    let serve = format!("{} &\n{}", blocks[0].trim_end(), wait_for("curl -sf $http/healthz"));
    // The device has a terminal of its own, and is there when it says so.
    let device = format!("(\n{}\n) > device.log 2>&1 &\ndevice=$!\n{}", blocks[3].trim_end(), wait_for("grep -q subscribed device.log"));
    let script = [&serve, &blocks[1], &blocks[2], &device, &blocks[4], "wait $device; cat device.log", EPILOGUE].join("\n");
    let output = terminal.run(&script)?;
    for said in [
        "Device access token: ey",
        "\nPublished to projects/my-project/topics/readings: message ",
        "\nUploaded ",
        " is right.",
        "\nService account access token: ey",
        "\nThe device `pi-1` acknowledged the command.",
        "\ncommand: open-valve\n",
    ] {
        ensure!(output.contains(said), "{said:?} is missing\n{script}\n\n{output}");
    }
    Ok(())
}
