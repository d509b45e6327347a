"""Policies of a registry by Google's client: google-cloud-iot 2.9.2 over REST, with another endpoint and two key files.

    OWNER_KEY=owner.json OTHER_KEY=other.json python registry_policies.py http://127.0.0.1:PORT PROJECT

The owner has roles/cloudiot.admin on PROJECT, the other account no role at all. The owner makes it a viewer of one of two
registries, as programs do: read, change, write what was read. Exits 0 only if every answer was what the real service gives.
"""

import os
import sys

from google.api_core import exceptions
from google.cloud import iot_v1
from google.iam.v1 import policy_pb2
from google.oauth2 import service_account

VIEWER = "roles/cloudiot.viewer"
ASKED = ["cloudiot.devices.list", "cloudiot.devices.sendCommand", "cloudiot.registries.get", "cloudiot.registries.setIamPolicy"]


def refused(kind, call, says):
    """The call ends in this exception, and its text says why."""
    try:
        call()
    except kind as error:
        assert says in str(error), f"{says!r} is not in {error}"
        return
    raise AssertionError(f"{kind.__name__} expected")


def client(endpoint, key):
    credentials = service_account.Credentials.from_service_account_file(os.environ[key])
    made = iot_v1.DeviceManagerClient(credentials=credentials, transport="rest", client_options={"api_endpoint": endpoint})
    return made, f"serviceAccount:{credentials.service_account_email}"


def policies(owner, registry, member):
    """Gives the member its role; answers the policy as it is then."""
    policy = owner.get_iam_policy(resource=registry)
    assert (policy.etag, list(policy.bindings)) == (b"\x00\x20\x01", []), policy
    stale = policy_pb2.Policy()
    stale.CopyFrom(policy)
    policy.bindings.add(role=VIEWER, members=[member])
    written = owner.set_iam_policy(request={"resource": registry, "policy": policy})
    assert [(b.role, list(b.members)) for b in written.bindings] == [(VIEWER, [member])], written
    assert written.version == 1 and written.etag not in (b"", stale.etag), written
    asked = {"resource": registry, "options": {"requested_policy_version": 3}}
    assert owner.get_iam_policy(request=asked) == written
    refused(exceptions.Conflict, lambda: owner.set_iam_policy(request={"resource": registry, "policy": stale}), "read the policy again")
    for role, member, says in [("roles/owner", member, "`roles/owner` is no role"), (VIEWER, "allUsers", "`allUsers` cannot be")]:
        bad = policy_pb2.Policy(bindings=[policy_pb2.Binding(role=role, members=[member])])
        refused(exceptions.BadRequest, lambda: owner.set_iam_policy(request={"resource": registry, "policy": bad}), says)
    assert owner.get_iam_policy(resource=registry) == written, "what was refused changed nothing"
    return written


def main():
    endpoint, project = sys.argv[1:3]
    owner, _ = client(endpoint, "OWNER_KEY")
    other, member = client(endpoint, "OTHER_KEY")
    parent = f"projects/{project}/locations/us-central1"
    registries = [owner.create_device_registry(parent=parent, device_registry={"id": id}).name for id in ("mine", "theirs")]
    mine, theirs = registries
    device = owner.create_device(parent=mine, device={"id": "lamp"})

    def held(who, registry):
        return list(who.test_iam_permissions(resource=registry, permissions=ASKED).permissions)

    assert (held(owner, mine), held(other, mine)) == (ASKED, [])
    refused(exceptions.Forbidden, lambda: list(other.list_devices(parent=mine)), "cloudiot.devices.list")
    policies(owner, mine, member)
    assert [d.num_id for d in other.list_devices(parent=mine)] == [device.num_id]
    assert held(other, mine) == ["cloudiot.devices.list", "cloudiot.registries.get"]
    assert held(other, theirs) == held(owner, f"{parent}/registries/none") == []
    refused(exceptions.Forbidden, lambda: list(other.list_devices(parent=theirs)), "cloudiot.devices.list")
    command = {"name": device.name, "binary_data": b"on"}
    refused(exceptions.Forbidden, lambda: other.send_command_to_device(request=command), "cloudiot.devices.sendCommand")
    refused(exceptions.Forbidden, lambda: other.get_iam_policy(resource=mine), "cloudiot.registries.getIamPolicy")
    refused(exceptions.BadRequest, lambda: owner.test_iam_permissions(resource=mine, permissions=["cloudiot.*"]), "no wildcards")
    owner.set_iam_policy(request={"resource": mine, "policy": policy_pb2.Policy()})
    refused(exceptions.Forbidden, lambda: list(other.list_devices(parent=mine)), "cloudiot.devices.list")
    owner.delete_device(name=device.name)
    for registry in registries:
        owner.delete_device_registry(name=registry)


main()
