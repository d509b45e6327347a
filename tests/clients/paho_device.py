"""A device that speaks MQTT by paho alone: connects with a token, subscribes to its configuration, publishes at QoS 1,
and ends with one JSON line: what was acknowledged, which configurations came, how the connection ended."""

import argparse
import json
import os
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

PATIENCE_SECS = 60
WINDOW = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--websocket", metavar="PATH", help="MQTT over WebSocket at this path")
    return parser.parse_args()


def main():
    args = arguments()
    configured, window = threading.Event(), threading.Semaphore(WINDOW)
    report = {"acknowledged": 0, "configs": [], "reason": None}

    def on_connect(client, _userdata, _flags, reason, _properties):
        report["reason"] = str(reason)
        client.subscribe([(f"/devices/{args.device}/config", 1), (f"/devices/{args.device}/commands/#", 0)])

    def on_message(_client, _userdata, message):
        if message.topic.endswith("/config"):
            report["configs"].append(message.payload.decode())
            configured.set()

    def on_publish(_client, _userdata, _mid, _reason, _properties):
        report["acknowledged"] += 1
        window.release()

    transport = "websockets" if args.websocket else "tcp"
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=args.client_id, transport=transport)
    if args.websocket:
        client.ws_set_options(path=args.websocket)
    client.username_pw_set("unused", os.environ["DEVICE_TOKEN"])
    client.tls_set(ca_certs=args.ca, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_connect, client.on_message, client.on_publish = on_connect, on_message, on_publish
    client.connect(args.host, args.port, keepalive=60)
    client.loop_start()
    if not configured.wait(PATIENCE_SECS):
        sys.exit(f"no configuration within {PATIENCE_SECS} s: {report}")
    for n in range(args.count):
        if not window.acquire(timeout=PATIENCE_SECS):
            sys.exit(f"no acknowledgement within {PATIENCE_SECS} s: {report}")
        client.publish(f"/devices/{args.device}/events", str(n), qos=1)
    for _ in range(WINDOW):
        if not window.acquire(timeout=PATIENCE_SECS):
            sys.exit(f"no acknowledgement within {PATIENCE_SECS} s: {report}")
    client.disconnect()
    client.loop_stop()
    print(json.dumps(report))


main()
