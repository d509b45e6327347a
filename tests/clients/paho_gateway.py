"""A gateway as Google's MQTT sample was one (gateway_listen, gateway_send), by paho-mqtt: attaches a device that is bound to it,
subscribes to the configurations of both and to its errors, reports the device's state as the device, asks for a device that it
may not have, and detaches. Ends with one JSON line: what was acknowledged, which configurations and errors came."""

import argparse
import json
import os
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

PATIENCE_SECS = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--stranger", required=True)
    return parser.parse_args()


class Gateway:
    def __init__(self, args):
        self.args = args
        self.report = {"acknowledged": [], "configs": {}, "errors": []}
        self.connected, self.moved = threading.Event(), threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=args.client_id)
        self.client.username_pw_set("unused", os.environ["DEVICE_TOKEN"])
        self.client.tls_set(ca_certs=args.ca, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: reason.is_failure or self.connected.set()
        self.client.on_message = self.on_message

    def on_message(self, _client, _userdata, message):
        with self.moved:
            if message.topic == f"/devices/{self.args.gateway}/errors":
                self.report["errors"].append(json.loads(message.payload))
            else:
                self.report["configs"][message.topic] = message.payload.decode()
            self.moved.notify_all()

    def wait_until(self, what, holds):
        with self.moved:
            if not self.moved.wait_for(holds, PATIENCE_SECS):
                sys.exit(f"{what}: not within {PATIENCE_SECS} s: {self.report}")

    def publish(self, topic, payload):
        sent = self.client.publish(topic, payload, qos=1)
        sent.wait_for_publish(PATIENCE_SECS)
        if not sent.is_published():
            sys.exit(f"{topic}: no acknowledgement within {PATIENCE_SECS} s: {self.report}")
        self.report["acknowledged"].append(topic)

    def run(self):
        args, report = self.args, self.report
        self.client.connect(args.host, args.port, keepalive=60)
        self.client.loop_start()
        if not self.connected.wait(PATIENCE_SECS):
            sys.exit("not connected")
        # gateway_listen, with an authorization that is empty: the binding is what counts.
        self.publish(f"/devices/{args.device}/attach", '{"authorization" : ""}')
        self.client.subscribe(f"/devices/{args.device}/config", qos=1)
        self.client.subscribe(f"/devices/{args.gateway}/config", qos=1)
        self.client.subscribe(f"/devices/{args.gateway}/errors", qos=0)
        self.wait_until("two configurations", lambda: len(report["configs"]) == 2)
        # gateway_send.
        self.publish(f"/devices/{args.device}/state", f"{args.gateway}/{args.device}-payload-1")
        self.publish(f"/devices/{args.device}/events", "21.5")
        # The sample's way to an error; it is not acknowledged.
        self.client.publish(f"/devices/{args.stranger}/attach", '{"authorization" : ""}', qos=1)
        self.wait_until("an error", lambda: report["errors"])
        self.publish(f"/devices/{args.device}/detach", "{}")
        self.client.disconnect()
        self.client.loop_stop()
        print(json.dumps(report))


Gateway(arguments()).run()
