//! What to try while the demo stays: every line after `$` works as it is.

use anyhow::Result;
use stage::ADMIN_TOKEN;

use super::cast::{Cast, TOPIC};

pub(super) fn text(cast: &Cast) -> Result<String> {
    let (shim, drawbridge) = (cast.binaries.shim.display(), cast.binaries.drawbridge.display());
    let (config, data) = (cast.shim.config.display(), cast.cloud.data.display());
    let (http, intake) = (cast.cloud.http, cast.shim.http);
    let (mqtt, local) = (cast.cloud.mqtt, cast.shim.mqtt);
    let (device, visitor, project) = (cast.device.name(), cast.visitor.name(), &cast.cloud.project);
    let (pi, guest) = (&cast.device.device, &cast.visitor.device);
    let token = format!("$({shim} token --config {config})");
    let paho = format!(
        "import sys; from paho.mqtt import publish; publish.single(\"/devices/{guest}/events\", \"from paho\", qos=1, hostname=\"{}\", \
         port={}, client_id=\"{visitor}\", auth=dict(username=\"unused\", password=sys.argv[1]))",
        mqtt.ip(),
        mqtt.port(),
    );
    Ok(format!(
        "
Everything stays up until Ctrl-C. In another terminal:

Follow the topic
  $ {drawbridge} tail {TOPIC} --project {project} --data {data}
Give the shim a reading; it answers when the reading is on disk
  $ curl -sS --fail -d '{{\"celsius\":21.5}}' http://{intake}/v1/events
The same over local MQTT, as a Cloud IoT program does
  $ mosquitto_pub -h {} -p {} -i sensor -q 1 -t /devices/{pi}/events -m '{{\"celsius\":21.6}}'
Publish without the shim, over HTTP with a device token
  $ curl -sS --fail -H \"authorization: Bearer {token}\" -H 'content-type: application/json' -d '{{\"binaryData\":\"aGVsbG8=\"}}' http://{http}/v1/{visitor}:publishEvent
Publish without the shim, over MQTT
  $ mosquitto_pub -h {} -p {} -i {visitor} -u unused -P \"{token}\" -q 1 -t /devices/{guest}/events -m hello
  $ python3 -c '{paho}' \"{token}\"
Look at the device as an administrator
  $ curl -sS --fail -H 'authorization: Bearer {ADMIN_TOKEN}' http://{http}/v1/{device}
What the shim holds
  $ {shim} status --config {config}
",
        local.ip(),
        local.port(),
        mqtt.ip(),
        mqtt.port(),
    ))
}
