"""A program on a device that knows nothing of Drawbridge: Google's own libraries find their credentials by themselves.

    GCE_METADATA_HOST=127.0.0.1:8174 GCE_METADATA_IP=127.0.0.1:8174 python metadata_credentials.py PROJECT BUCKET TOPIC

Gets a token by google.auth.default(), writes, reads and deletes an object by google-cloud-storage, and publishes over
Pub/Sub's REST API; the endpoint of both is GOOGLE_URL. Ends with one JSON line. Exits 0 only if all went well.
"""

import base64
import json
import os
import sys

import google.auth
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def main():
    project, bucket_name, topic = sys.argv[1:4]
    here = os.environ["GOOGLE_URL"]
    credentials, found = google.auth.default(scopes=[SCOPE])
    credentials.refresh(Request())
    assert found == project, f"the project is {found}"
    assert credentials.valid and credentials.token, credentials
    client = storage.Client(project=project, credentials=credentials, client_options={"api_endpoint": here})
    blob = client.bucket(bucket_name).blob("from/a device")
    blob.upload_from_string(b"21.5 degrees")
    assert blob.download_as_bytes() == b"21.5 degrees"
    assert blob.exists()
    blob.delete()
    assert not blob.exists()
    message = {"data": base64.b64encode(b"21.5").decode(), "attributes": {"unit": "celsius"}}
    url = f"{here}/v1/projects/{project}/topics/{topic}:publish"
    published = AuthorizedSession(credentials).post(url, json={"messages": [message]})
    published.raise_for_status()
    report = {"email": credentials.service_account_email, "token": credentials.token, **published.json()}
    print(json.dumps(report))


main()
