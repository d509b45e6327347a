"""Publishes with paho-mqtt at QoS 1 and prints one JSON line of what it took.

usage: paho_publish.py HOST PORT TOPIC COUNT WINDOW BYTES one|many

many: COUNT messages, at most WINDOW of them unacknowledged; {"seconds": until the last PUBACK}
one:  COUNT messages, each after the PUBACK of the one before; {"micros": [each]}
"""
import json
import sys
import threading
import time

import paho.mqtt.client as mqtt

host, port, topic, count, window, size, mode = sys.argv[1:]
port, count, window, size = int(port), int(count), int(window), int(size)
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bench", protocol=mqtt.MQTTv311)
client.max_inflight_messages_set(window)
client.max_queued_messages_set(0)
connected, acked, lock, done = threading.Event(), 0, threading.Lock(), threading.Event()


def on_connect(_client, _data, _flags, reason, _properties):
    if reason.is_failure:
        sys.exit(f"refused: {reason}")
    connected.set()


def on_publish(_client, _data, _mid, _reason, _properties):
    global acked
    with lock:
        acked += 1
        if acked == count:
            done.set()


client.on_connect, client.on_publish = on_connect, on_publish
client.connect(host, port, keepalive=60)
client.loop_start()
if not connected.wait(10):
    sys.exit("no CONNACK within 10 s")
payload = bytes(i % 251 for i in range(size))
started = time.perf_counter()
if mode == "one":
    micros = []
    for _ in range(count):
        before = time.perf_counter()
        client.publish(topic, payload, qos=1).wait_for_publish(10)
        micros.append((time.perf_counter() - before) * 1e6)
    print(json.dumps({"micros": micros}))
else:
    for _ in range(count):
        client.publish(topic, payload, qos=1)
    if not done.wait(120):
        sys.exit(f"{acked} of {count} acknowledged within 120 s")
    print(json.dumps({"seconds": time.perf_counter() - started}))
client.disconnect()
client.loop_stop()
