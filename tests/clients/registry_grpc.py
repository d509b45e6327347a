"""An administration program as written for Cloud IoT Core: google-cloud-iot 2.9.2 over gRPC, its default, with another endpoint.

    python registry_grpc.py 127.0.0.1:PORT ADMIN_TOKEN PROJECT 127.0.0.1:MQTT_PORT

Does what registry_rest.py does, and what only gRPC has: packed messages, calls side by side on one channel, codes and details of
errors; then gateways, groups, policies, and a command to a device that is there. The channel has no TLS, so the token travels as metadata of each call. Leaves nothing behind,
and ends with one JSON line. Exits 0 only if every answer was what the real service gave.
"""

import json
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import jwt
import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.api_core import exceptions
from google.cloud import iot_v1
from google.cloud.iot_v1.services.device_manager.transports import DeviceManagerGrpcTransport
from google.rpc import error_details_pb2

import registry_rest as steps

CALLS = 200
PATIENCE_SECS = 30


class WithToken(grpc.UnaryUnaryClientInterceptor):
    """Adds the token to each call, as credentials do over TLS."""

    def __init__(self, token):
        self.token = token

    def intercept_unary_unary(self, continuation, details, request):
        metadata = list(details.metadata or []) + [("authorization", f"Bearer {self.token}")]
        return continuation(details._replace(metadata=metadata), request)


def connect(endpoint, token, **options):
    channel = grpc.insecure_channel(endpoint, **options)
    if token:
        channel = grpc.intercept_channel(channel, WithToken(token))
    return iot_v1.DeviceManagerClient(transport=DeviceManagerGrpcTransport(channel=channel))


def error_of(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} expected")


def errors(endpoint, client, registry):
    """Codes and details, as programs look at them."""
    sent = {"parent": registry, "device": {"id": "pump-1"}}
    taken = error_of(exceptions.AlreadyExists, lambda: client.create_device(request=sent))
    assert taken.grpc_status_code == grpc.StatusCode.ALREADY_EXISTS, taken
    lost = error_of(exceptions.NotFound, lambda: client.get_device(name=f"{registry}/devices/nobody"))
    assert "was not found" in lost.message, lost
    command = {"name": f"{registry}/devices/pump-1", "binary_data": b"go"}
    away = error_of(exceptions.FailedPrecondition, lambda: client.send_command_to_device(request=command))
    assert "is not subscribed to the commands topic" in away.message, away
    bad = error_of(exceptions.InvalidArgument, lambda: client.create_device(parent=registry, device={"id": "1abc"}))
    rules = [d for d in bad.details if isinstance(d, error_details_pb2.BadRequest)]
    assert rules[0].field_violations[0].field and "1abc" in rules[0].field_violations[0].description, bad.details
    shape = error_of(exceptions.InvalidArgument, lambda: client.get_device(name="pump-1"))
    assert "projects/*/locations/*/registries/*/devices/*" in shape.message, shape
    for token in ["wrong", None]:
        stranger = connect(endpoint, token)
        error_of(exceptions.Unauthenticated, lambda: stranger.get_device(name=f"{registry}/devices/pump-1"))


def many(endpoint, client, token, registry):
    """Calls side by side on one channel, and packed ones."""
    name = f"{registry}/devices/pump-1"
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: client.get_device(name=name), range(CALLS)))
    assert all(device == found[0] for device in found), found[0]
    packing = connect(endpoint, token, compression=grpc.Compression.Gzip)
    room = {"name": name, "metadata": {"room": "c" * 10_000}}
    packed = packing.update_device(device=room, update_mask=steps.mask("metadata"))
    assert packed.metadata["room"] == "c" * 10_000
    ids = [f"no-such-device-{n}" for n in range(9_000)] + ["pump-1"]
    assert [d.id for d in client.list_devices(request={"parent": registry, "device_ids": ids})] == ["pump-1"]


def gateways(client, registry):
    """A gateway with a device bound to it, and the same as a group."""
    config = {"gateway_type": iot_v1.GatewayType.GATEWAY, "gateway_auth_method": iot_v1.GatewayAuthMethod.ASSOCIATION_ONLY}
    gateway = client.create_device(parent=registry, device={"id": "gate", "gateway_config": config})
    assert gateway.gateway_config.gateway_auth_method == iot_v1.GatewayAuthMethod.ASSOCIATION_ONLY
    pair = {"parent": registry, "gateway_id": "gate", "device_id": "pump-1"}
    member = f"{registry}/groups/gate/devices/pump-1"
    error_of(exceptions.NotFound, lambda: client.get_device(name=member))
    client.bind_device_to_gateway(request=pair)
    for options, expected in [
        ({"associations_gateway_id": "gate"}, "pump-1"),
        ({"associations_device_id": "pump-1"}, "gate"),
        ({"gateway_type": iot_v1.GatewayType.GATEWAY}, "gate"),
    ]:
        rows = client.list_devices(request={"parent": registry, "gateway_list_options": options})
        assert [d.id for d in rows] == [expected], options
    group = f"{registry}/groups/gate"
    assert client.get_device(name=member).id == "pump-1"
    assert [d.id for d in client.list_devices(parent=group)] == ["pump-1"]
    config = client.modify_cloud_to_device_config(request={"name": member, "binary_data": b"by group"})
    assert client.list_device_config_versions(name=member).device_configs[0] == config
    assert list(client.list_device_states(name=member).device_states) == []
    assert client.update_device(device={"name": member, "blocked": True}, update_mask=steps.mask("blocked")).blocked
    bound = error_of(exceptions.FailedPrecondition, lambda: client.delete_device(name=gateway.name))
    assert "devices are bound to it" in bound.message, bound
    client.unbind_device_from_gateway(request={**pair, "parent": group})
    error_of(exceptions.NotFound, lambda: client.get_device(name=member))
    client.delete_device(name=gateway.name)


def policies(client, registry):
    """The policy of the registry, by the messages of google.iam.v1."""
    assert not client.get_iam_policy(request={"resource": registry}).bindings
    viewers = {"role": "roles/cloudiot.viewer", "members": ["serviceAccount:reader@demo-project.iam.gserviceaccount.com"]}
    written = client.set_iam_policy(request={"resource": registry, "policy": {"bindings": [viewers]}})
    found = client.get_iam_policy(request={"resource": registry})
    assert found == written and found.bindings[0].members == viewers["members"] and found.etag, found
    stale = {"resource": registry, "policy": {"etag": b"\x00\x20\x01"}}
    lost = error_of(exceptions.Aborted, lambda: client.set_iam_policy(request=stale))
    assert "read the policy again" in lost.message, lost
    wanted = ["cloudiot.devices.get", "cloudiot.registries.delete"]
    assert client.test_iam_permissions(request={"resource": registry, "permissions": wanted}).permissions == wanted


def command(client, registry, bridge):
    """A command that its device acknowledges."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    credential = {"public_key": {"format": iot_v1.PublicKeyFormat.ES256_PEM, "key": public}}
    name = client.create_device(parent=registry, device={"id": "listener", "credentials": [credential]}).name
    now, subscribed, came = int(time.time()), threading.Event(), queue.Queue()
    device = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"{registry}/devices/listener")
    device.username_pw_set("unused", jwt.encode({"iat": now, "exp": now + 600, "aud": registry.split("/")[1]}, key, "ES256"))
    device.on_connect = lambda *_: device.subscribe("/devices/listener/commands/#", qos=1)
    device.on_subscribe = lambda *_: subscribed.set()
    device.on_message = lambda _client, _userdata, message: came.put((message.topic, message.payload))
    host, port = bridge.rsplit(":", 1)
    device.connect(host, int(port))
    device.loop_start()
    assert subscribed.wait(PATIENCE_SECS), "the device is not subscribed"
    sent = {"name": name, "binary_data": b"\x00go\xff", "subfolder": "a-b/c-d"}
    assert client.send_command_to_device(request=sent) == iot_v1.SendCommandToDeviceResponse()
    assert came.get(timeout=PATIENCE_SECS) == ("/devices/listener/commands/a-b/c-d", b"\x00go\xff")
    device.disconnect()
    device.loop_stop()
    client.delete_device(name=name)


def main():
    endpoint, token, project, bridge = sys.argv[1:]
    client = connect(endpoint, token)
    parent = f"projects/{project}/locations/us-central1"
    registry = steps.registries(client, parent)
    name = steps.device(client, registry)
    errors(endpoint, client, registry)
    many(endpoint, client, token, registry)
    gateways(client, registry)
    policies(client, registry)
    command(client, registry, bridge)
    client.delete_device(name=name)
    name = steps.device(client, registry)
    steps.downlink(client, name)
    devices = steps.listing(client, registry)
    for device_name in devices:
        client.delete_device(name=device_name)
    client.delete_device_registry(name=registry)
    steps.refused(exceptions.NotFound, lambda: client.get_device(name=name), "was not found")
    print(json.dumps({"registry": registry, "devices": len(devices)}))


main()
