"""A program that keeps files as a device: google-cloud-storage, with another endpoint and the device's access token.

    ACCESS_TOKEN=… OTHER_TOKEN=… READ_TOKEN=… OWNER_KEY=key.json python storage_files.py http://127.0.0.1:PORT PROJECT BUCKET

ACCESS_TOKEN may read and write objects of BUCKET, OTHER_TOKEN may not, READ_TOKEN is of the first device with a scope that
only reads, the service account of OWNER_KEY may make and remove buckets. Exits 0 only if every answer was what the real service gives.
"""

import hashlib
import io
import os
import sys

from google.api_core import exceptions
from google.cloud import storage
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials

# More than one part of a resumable upload, and no multiple of it.
LARGE = bytes(range(256)) * 4096 + b"end"
PART = 256 * 1024


def storage_of(endpoint, project, credentials):
    return storage.Client(project=project, credentials=credentials, client_options={"api_endpoint": endpoint})


def refused(kind, call, says):
    try:
        call()
    except kind as error:
        assert says in str(error), f"{says!r} is not in {error}"
        return
    raise AssertionError(f"{kind.__name__} expected")


def small(bucket):
    """In one request, its metadata first; then ranges of it, and its end."""
    blob = bucket.blob("logs/today: 100% ü.txt")
    blob.upload_from_string(b"0123456789", content_type="text/plain")
    assert (blob.size, blob.name) == (10, "logs/today: 100% ü.txt"), blob
    same = bucket.get_blob(blob.name)
    assert (same.generation, same.crc32c, same.etag) == (blob.generation, blob.crc32c, blob.etag)
    assert blob.download_as_bytes() == b"0123456789"
    assert blob.download_as_bytes(start=2, end=4) == b"234"
    assert blob.download_as_bytes(start=7) == b"789"
    assert blob.download_as_bytes(start=-3) == b"789"
    refused(exceptions.RequestRangeNotSatisfiable, lambda: blob.download_as_bytes(start=10), "416")
    return blob


def generations(bucket, blob):
    """A write over another generation than expected is refused, and a read of a generation that is gone finds nothing."""
    first = blob.generation
    again = bucket.blob(blob.name)
    refused(exceptions.PreconditionFailed, lambda: again.upload_from_string(b"x", if_generation_match=0), "412")
    again.upload_from_string(b"second", if_generation_match=first)
    assert again.generation > first
    gone = bucket.blob(blob.name, generation=first)
    refused(exceptions.NotFound, gone.download_as_bytes, "404")
    refused(exceptions.PreconditionFailed, lambda: again.delete(if_generation_match=first), "412")
    again.delete()
    assert bucket.get_blob(blob.name) is None
    refused(exceptions.NotFound, again.delete, "404")


def large(bucket):
    """In several requests, and out again in several."""
    blob = bucket.blob("firmware/large.bin", chunk_size=PART)
    blob.upload_from_file(io.BytesIO(LARGE))
    assert blob.size == len(LARGE), blob.size
    stream = io.BytesIO()
    blob.download_to_file(stream)
    assert hashlib.sha256(stream.getvalue()).digest() == hashlib.sha256(LARGE).digest()
    with bucket.blob("firmware/streamed.bin").open("wb", chunk_size=PART) as out:
        out.write(LARGE)
    whole = bucket.blob("firmware/streamed.bin")
    assert whole.download_as_bytes() == LARGE
    whole.delete()
    return blob


def main():
    endpoint, project, name = sys.argv[1:4]
    credentials = {who: Credentials(token=os.environ[f"{who}_TOKEN"]) for who in ["ACCESS", "OTHER", "READ"]}
    # Asks the key file's token_uri for its tokens.
    credentials["OWNER"] = service_account.Credentials.from_service_account_file(os.environ["OWNER_KEY"])
    client = {who: storage_of(endpoint, project, theirs) for who, theirs in credentials.items()}
    owned = client["OWNER"].create_bucket(name)
    refused(exceptions.Conflict, lambda: client["OWNER"].create_bucket(name), "409")
    refused(exceptions.Forbidden, lambda: client["ACCESS"].create_bucket("another-bucket"), "storage.buckets.create")
    bucket = client["ACCESS"].bucket(name)
    generations(bucket, small(bucket))
    blob = large(bucket)
    others = client["OTHER"].bucket(name).blob(blob.name)
    refused(exceptions.Forbidden, others.download_as_bytes, "403")
    refused(exceptions.Forbidden, lambda: others.upload_from_string(b"x"), "storage.objects.create")
    reader = client["READ"].bucket(name).blob(blob.name)
    assert reader.download_as_bytes(end=2) == LARGE[:3]
    refused(exceptions.Forbidden, lambda: reader.upload_from_string(b"x"), "insufficient authentication scopes")
    refused(exceptions.Conflict, owned.delete, "not empty")
    blob.delete()
    owned.delete()
    refused(exceptions.NotFound, lambda: client["OWNER"].get_bucket(name), "404")


main()
