"""A device as Google's MQTT sample was one: makes its own JWT, connects by paho, subscribes to its commands.

    python3 command_device.py --private_key_file=pi.key.pem --device=projects/…/devices/pi-1 --bridge=127.0.0.1:8883 --ca_certs=root.pem

Says `subscribed`, then each command as a line, and ends after --count of them. Needs: pip install paho-mqtt 'PyJWT[crypto]'
"""

import argparse
import pathlib
import ssl
import sys
import threading
import time

import jwt
import paho.mqtt.client as mqtt

PATIENCE_SECS = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag in ["private_key_file", "device", "bridge", "ca_certs"]:
        parser.add_argument(f"--{flag}", required=True)
    parser.add_argument("--algorithm", default="ES256", choices=("RS256", "ES256"))
    parser.add_argument("--count", type=int, default=1)
    return parser.parse_args()


def password(args):
    now = int(time.time())
    claims = {"iat": now, "exp": now + 1200, "aud": args.device.split("/")[1]}
    return jwt.encode(claims, pathlib.Path(args.private_key_file).read_text(), algorithm=args.algorithm)


def main():
    args = arguments()
    came = threading.Semaphore(0)
    commands = f"/devices/{args.device.rsplit('/')[-1]}/commands/#"

    def on_connect(client, _userdata, _flags, reason, _properties):
        if reason.is_failure:
            print(f"not connected: {reason}", flush=True)
        client.subscribe(commands, qos=1)

    def on_subscribe(_client, _userdata, _mid, _reasons, _properties):
        print("subscribed", flush=True)

    def on_message(_client, _userdata, message):
        print(f"command: {message.payload.decode()}", flush=True)
        came.release()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=args.device)
    client.username_pw_set("unused", password(args))
    client.tls_set(ca_certs=args.ca_certs, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    host, port = args.bridge.rsplit(":", 1)
    client.connect(host, int(port), keepalive=60)
    client.loop_start()
    for _ in range(args.count):
        if not came.acquire(timeout=PATIENCE_SECS):
            sys.exit(f"no command within {PATIENCE_SECS} s")
    # The acknowledgement of the last one leaves before the farewell.
    client.disconnect()
    client.loop_stop()


main()
