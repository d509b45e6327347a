"""An administration program as written for Cloud IoT Core: google-cloud-iot 2.9.2 over REST, with another endpoint.

    python registry_rest.py http://127.0.0.1:PORT ADMIN_TOKEN [PROJECT]

Creates a registry with devices, reads, lists, patches, configures and deletes them, leaves nothing behind, and ends with
one JSON line. Exits 0 only if every answer was what the real service gave. Needs: pip install google-cloud-iot==2.9.2
"""

import json
import sys
import uuid

from google.api_core import exceptions
from google.cloud import iot_v1
from google.oauth2.credentials import Credentials
from google.protobuf import field_mask_pb2

PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuVpeati+2kcMIpr5YqkeZdus+pM7
UdCTuMYFjao9g5UCE3lOahOANF7oBNc6x21oMK+44LXl4ryR/YBBS5kZFw==
-----END PUBLIC KEY-----
"""


def refused(kind, call, says):
    """The call ends in this exception, and its text says why."""
    try:
        call()
    except kind as error:
        assert says in str(error), f"{says!r} is not in {error}"
        return
    raise AssertionError(f"{kind.__name__} expected")


def mask(*paths):
    return field_mask_pb2.FieldMask(paths=paths)


def registries(client, parent):
    """Creates a registry and tries each method on it; answers its name."""
    registry_id = f"reg-{uuid.uuid4().hex[:8]}"
    topic = f"{parent.split('/locations')[0]}/topics/events"
    sent = {"id": registry_id, "event_notification_configs": [{"pubsub_topic_name": topic}]}
    created = client.create_device_registry(parent=parent, device_registry=sent)
    assert created.name == f"{parent}/registries/{registry_id}", created
    assert created.mqtt_config.mqtt_enabled_state == iot_v1.MqttState.MQTT_ENABLED
    assert created.http_config.http_enabled_state == iot_v1.HttpState.HTTP_ENABLED
    refused(exceptions.Conflict, lambda: client.create_device_registry(parent=parent, device_registry=sent), "already exists")
    assert client.get_device_registry(name=created.name) == created
    assert created in list(client.list_device_registries(parent=parent))
    changed = client.update_device_registry(
        device_registry={"name": created.name, "http_config": {"http_enabled_state": iot_v1.HttpState.HTTP_DISABLED}},
        update_mask=mask("http_config.http_enabled_state"),
    )
    assert changed.http_config.http_enabled_state == iot_v1.HttpState.HTTP_DISABLED
    assert changed.event_notification_configs == created.event_notification_configs
    unknown = f"{parent}/registries/no-such-registry"
    refused(exceptions.NotFound, lambda: client.get_device_registry(name=unknown), "was not found")
    bad = {"id": "1abc"}
    refused(exceptions.BadRequest, lambda: client.create_device_registry(parent=parent, device_registry=bad), "1abc")
    return created.name


def device(client, registry):
    """Creates a device and tries each method on it; answers its name, which ends in its number."""
    credential = {"public_key": {"format": iot_v1.PublicKeyFormat.ES256_PEM, "key": PUBLIC_KEY}}
    sent = {"id": "pump-1", "credentials": [credential], "metadata": {"room": "b"}, "config": {"binary_data": b"\xfb\xff"}}
    created = client.create_device(parent=registry, device=sent)
    assert created.name == f"{registry}/devices/{created.num_id}", created.name
    assert 2_000_000_000_000_000 <= created.num_id < 3_900_000_000_000_000, created.num_id
    assert (created.config.version, created.config.binary_data) == (1, b"\xfb\xff")
    refused(exceptions.Conflict, lambda: client.create_device(parent=registry, device=sent), "already exists")
    by_id = f"{registry}/devices/pump-1"
    assert client.get_device(name=by_id) == client.get_device(name=created.name) == created
    masked = client.get_device(request={"name": by_id, "field_mask": mask("gateway_config", "metadata")})
    assert masked.metadata["room"] == "b" and not masked.credentials
    blocked = client.update_device(device={"name": created.name, "blocked": True}, update_mask=mask("blocked"))
    assert blocked.blocked and blocked.credentials == created.credentials
    assert not client.update_device(device={"name": created.name}, update_mask=mask("blocked")).blocked
    patched = client.update_device(
        device={"name": by_id, "credentials": list(created.credentials) + [credential]}, update_mask=mask("credentials")
    )
    assert len(patched.credentials) == 2, patched
    refused(exceptions.BadRequest, lambda: client.update_device(device={"name": by_id}, update_mask=mask("num_id")), "num_id")
    return created.name


def downlink(client, name):
    """Configuration, states and commands of a device that is not connected."""
    modify = client.modify_cloud_to_device_config
    assert modify(request={"name": name, "binary_data": b"two", "version_to_update": 1}).version == 2
    stale = {"name": name, "binary_data": b"x", "version_to_update": 1}
    refused(exceptions.BadRequest, lambda: modify(request=stale), "version 2")
    versions = client.list_device_config_versions(name=name).device_configs
    assert [(c.version, c.binary_data) for c in versions] == [(2, b"two"), (1, b"\xfb\xff")], versions
    assert list(client.list_device_states(name=name).device_states) == []
    command = {"name": name, "binary_data": b"go", "subfolder": "a/b"}
    says = "is not subscribed to the commands topic"
    refused(exceptions.BadRequest, lambda: client.send_command_to_device(request=command), says)


def listing(client, registry):
    """Lists devices in pages, by id, by number, by gateway type."""
    for n in range(7):
        gateway = {"gateway_type": iot_v1.GatewayType.GATEWAY} if n == 0 else {}
        client.create_device(parent=registry, device={"id": f"row-{n}", "gateway_config": gateway})
    pager = client.list_devices(request={"parent": registry, "page_size": 3, "field_mask": mask("config", "gateway_config")})
    rows = list(pager)
    assert [d.id for d in rows] == ["pump-1"] + [f"row-{n}" for n in range(7)], rows
    assert all(d.num_id and d.config.version >= 1 for d in rows)
    named = client.list_devices(request={"parent": registry, "device_ids": ["row-2"], "device_num_ids": [rows[4].num_id]})
    assert [d.id for d in named] == ["row-2", "row-3"]
    options = {"gateway_type": iot_v1.GatewayType.GATEWAY}
    gateways = client.list_devices(request={"parent": registry, "gateway_list_options": options})
    assert [d.id for d in gateways] == ["row-0"]
    refused(exceptions.BadRequest, lambda: client.delete_device_registry(name=registry), "still has devices")
    return [d.name for d in client.list_devices(parent=registry)]


def main():
    endpoint, token = sys.argv[1:3]
    project = sys.argv[3] if len(sys.argv) > 3 else "demo-project"
    options = {"api_endpoint": endpoint}
    client = iot_v1.DeviceManagerClient(credentials=Credentials(token=token), transport="rest", client_options=options)
    parent = f"projects/{project}/locations/us-central1"
    registry = registries(client, parent)
    name = device(client, registry)
    downlink(client, name)
    devices = listing(client, registry)
    for device_name in devices:
        client.delete_device(name=device_name)
    client.delete_device_registry(name=registry)
    refused(exceptions.NotFound, lambda: client.get_device(name=name), "was not found")
    print(json.dumps({"registry": registry, "devices": len(devices)}))


if __name__ == "__main__":
    main()
