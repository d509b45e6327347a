"""A device that stays: connects with a token, subscribes to its configuration and commands at QoS 1, connects again when the
line is lost. Prints one JSON line for each thing that happens. Each line on standard input is published as an event at
QoS 1; the end of the input ends it."""

import argparse
import json
import os
import sys
import threading

import paho.mqtt.client as mqtt


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--once", action="store_true", help="do not connect again")
    args = parser.parse_args()

    def on_connect(client, _userdata, _flags, reason, _properties):
        say("connected", reason=str(reason))
        client.subscribe([(f"/devices/{args.device}/config", 1), (f"/devices/{args.device}/commands/#", 1)])

    def on_disconnect(client, _userdata, _flags, reason, _properties):
        say("disconnected", reason=str(reason))
        if args.once:
            client.loop_stop()

    def on_message(_client, _userdata, message):
        kind = message.topic.split("/")[3]
        say(kind, topic=message.topic, payload=message.payload.decode())

    def on_publish(_client, _userdata, mid, _reason, _properties):
        # Never told before the publishing itself.
        with telling:
            say("acknowledged", mid=mid)

    telling = threading.Lock()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=args.client_id, reconnect_on_failure=not args.once)
    client.username_pw_set("unused", os.environ["DEVICE_TOKEN"])
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    client.on_connect, client.on_disconnect, client.on_message = on_connect, on_disconnect, on_message
    client.on_subscribe = lambda *_: say("subscribed")
    client.on_publish = on_publish
    client.connect(args.host, args.port, keepalive=10)
    client.loop_start()
    for line in sys.stdin:
        with telling:
            say("publishing", mid=client.publish(f"/devices/{args.device}/events", line.strip(), qos=1).mid)
    client.disconnect()
    client.loop_stop()


main()
