"""Cloud Storage on 127.0.0.1: gcp-storage-emulator, with what Google's own client library needs of the real service and
the emulator lacks. Keeps everything in memory. Prints the port it listens on.

| mended | because |
| --- | --- |
| `x-goog-generation` and its kin on downloads | the library takes no download without them |
| `generation=` asked for must be the one that is there | a reader must never be given the bytes of another write |
| ranges at and behind the end, and of the last bytes | 416 and 206 as RFC 9110 has them, in place of an empty or a whole 200 |
| `ifGenerationMatch` of uploads | it was ignored |
| upload URLs carry the address we listen on | they were built from `Host`, which the library sends without a port |
| an upload's generation is given when it is whole, and grows | it was given when the upload began |
| `;` in a name is a part of it | all from it on was left out |
| a finished upload can be asked for | the answer to the last byte may have been lost |
| nothing received is said by no `Range` at all | `bytes=0-0` claims a byte that never came |
| a body that was cut off is not taken | its beginning was, as if it were all |
| one thread for each connection, one request at the store at a time | a slow reader kept everybody waiting |
"""

import argparse
import re
import threading
import time
from http import HTTPStatus
from socketserver import ThreadingMixIn

from gcp_storage_emulator import server
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.storage import Storage

LOCK = threading.RLock()
FINISHED = {}
original = {name: getattr(objects, name) for name in ("download", "insert", "upload_partial", "_resumable_incomplete")}
create_file = Storage.create_file
last_generation = 0


def error(response, status, message):
    response.status = status
    response.json({"error": {"code": status.value, "message": message}})


def live(request, storage, name=None):
    """The resource of the object that is there now, or None."""
    try:
        return storage.get_file_obj(request.params["bucket_name"], name or request.params["object_id"])
    except NotFound:
        return None


def absolute(wanted, size):
    """A range of one part as (first, behind the last), None for one that is not understood, () for none of it."""
    match = re.fullmatch(r"\s*bytes=([0-9]*)-([0-9]*)\s*", wanted)
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    begin, end = (max(0, size - int(last)), size) if first == "" else (int(first), min(size, int(last or size - 1) + 1))
    return (begin, end) if begin < end else ()


def download(request, response, storage, *_args, **_kwargs):
    resource, wanted = live(request, storage), request.query.get("generation", [None])[0]
    if resource is None or wanted not in (None, str(resource["generation"])):
        return error(response, HTTPStatus.NOT_FOUND, "No such object")
    content = storage.get_file(request.params["bucket_name"], request.params["object_id"])
    size, asked = len(content), request.get_header("range")
    part = absolute(asked, size) if asked else None
    if part == ():
        response["Content-Range"] = f"bytes */{size}"
        return error(response, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "The requested range cannot be satisfied.")
    if part:
        response.status, response["Content-Range"] = HTTPStatus.PARTIAL_CONTENT, f"bytes {part[0]}-{part[1] - 1}/{size}"
        content = content[part[0]:part[1]]
    response["etag"] = '"{}"'.format(resource["etag"])
    response["x-goog-generation"] = str(resource["generation"])
    response["x-goog-metageneration"] = str(resource["metageneration"])
    response["x-goog-stored-content-length"] = str(size)
    response["x-goog-hash"] = "crc32c={},md5={}".format(resource["crc32c"], resource["md5Hash"])
    response.write_file(content, content_type=resource.get("contentType"))


def insert(request, response, storage, *args, **kwargs):
    expected, name = request.query.get("ifGenerationMatch", [None])[0], request.query.get("name", [None])[0]
    if expected is not None and name:
        found = live(request, storage, name)
        if str(found["generation"] if found else 0) != expected:
            return error(response, HTTPStatus.PRECONDITION_FAILED, "At least one of the pre-conditions you specified did not hold.")
    original["insert"](request, response, storage, *args, **kwargs)


def upload_partial(request, response, storage, *args, **kwargs):
    finished = FINISHED.get(request.query["upload_id"][0])
    if finished is not None:
        return response.json(finished)
    original["upload_partial"](request, response, storage, *args, **kwargs)


def resumable_incomplete(response, storage, upload_id, fallback_end=0):
    original["_resumable_incomplete"](response, storage, upload_id, fallback_end)
    if storage.get_resumable_byte_count(upload_id) == 0:
        response._headers.pop("Range", None)


def create(self, bucket, name, content, resource, upload_id=None):
    global last_generation
    last_generation = max(time.time_ns() // 1000, last_generation + 1)
    resource["generation"] = str(last_generation)
    create_file(self, bucket, name, content, resource, upload_id)
    if upload_id:
        FINISHED[upload_id] = resource


def read_body(handler):
    def exactly(count):
        data = handler.rfile.read(count)
        if len(data) != count:
            raise ConnectionError("the body was cut off")
        return data

    if handler.headers.get("Content-Length"):
        return exactly(int(handler.headers["Content-Length"]))
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return None
    body = bytearray()
    while True:
        line = handler.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the body was cut off")
        size = int(line.split(b";")[0], 16)
        body += exactly(size)
        handler.rfile.readline()
        if size == 0:
            return bytes(body)


def in_turn(handler):
    def handle(request, response, storage, *args, **kwargs):
        _ = request.data  # a slow sender keeps nobody waiting
        with LOCK:
            handler(request, response, storage, *args, **kwargs)

    return handle


class Handler(server.RequestHandler):
    reached_at = None

    def parse_request(self):
        parsed = super().parse_request()
        if parsed:
            del self.headers["Host"]
            self.headers["Host"] = self.reached_at or "%s:%d" % self.server.server_address[:2]
            path, mark, query = self.path.partition("?")
            self.path = path.replace(";", "%3B") + mark + query
        return parsed


class Server(ThreadingMixIn, server.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, _request, client):
        print(f"{client[0]}:{client[1]} went away or was sent away", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--reached-at", help="host:port by which clients reach it, if a proxy stands in between")
    args = parser.parse_args()
    Handler.reached_at = args.reached_at
    mended = {original["download"]: download, original["insert"]: insert, original["upload_partial"]: upload_partial}
    objects.download, objects.insert, objects.upload_partial = download, insert, upload_partial
    objects._resumable_incomplete, Storage.create_file, server._read_raw_data = resumable_incomplete, create, read_body
    server.HANDLERS = tuple(
        (path, {verb: in_turn(mended.get(does, does)) for verb, does in verbs.items()}) for path, verbs in server.HANDLERS
    )
    storage = Storage(use_memory_fs=True)
    httpd = Server(("127.0.0.1", args.port), lambda *who: Handler(storage, *who))
    print(f"listening on {httpd.server_address[1]}", flush=True)
    httpd.serve_forever()


if __name__ == "__main__":
    main()
