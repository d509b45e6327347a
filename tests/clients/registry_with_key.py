"""An administration program with a service account's key file: google-cloud-iot 2.9.2 over REST, with another endpoint.

    OWNER_KEY=key.json python registry_with_key.py http://127.0.0.1:PORT PROJECT

The account has roles/cloudiot.editor on PROJECT and no other. The library fetches no token: it signs a JWT for
cloudiot.googleapis.com itself. Exits 0 only if every answer was what the real service gives.
"""

import os
import sys

from google.api_core import exceptions
from google.cloud import iot_v1
from google.oauth2 import service_account


def main():
    endpoint, project = sys.argv[1:3]
    key = service_account.Credentials.from_service_account_file(os.environ["OWNER_KEY"])
    client = iot_v1.DeviceManagerClient(credentials=key, transport="rest", client_options={"api_endpoint": endpoint})
    parent = f"projects/{project}/locations/us-central1"
    registry = client.create_device_registry(parent=parent, device_registry={"id": "by-key"})
    device = client.create_device(parent=registry.name, device={"id": "lamp"})
    assert [d.num_id for d in client.list_devices(parent=registry.name)] == [device.num_id]
    client.delete_device(name=device.name)
    client.delete_device_registry(name=registry.name)
    elsewhere = "projects/another-project/locations/us-central1"
    for call in [
        lambda: client.create_device_registry(parent=elsewhere, device_registry={"id": "by-key"}),
        lambda: list(client.list_device_registries(parent=elsewhere)),
    ]:
        try:
            call()
        except exceptions.Forbidden as error:
            assert "cloudiot.registries." in str(error), error
        else:
            raise AssertionError("Forbidden expected")


main()
