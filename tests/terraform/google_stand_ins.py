"""What the README's commands reach at Google, on 127.0.0.1: a registry of container images for skopeo, and as much of Secret Manager and
of Service Usage as gcloud asks. Keeps everything in memory. Whoever has no token is refused, as there.

Not checked: who the token is, and what it may.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"

POLYNOMIAL = 0x82F63B78


def crc32c(data):
    """Castagnoli's, which gcloud compares secrets by."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class StandIns(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    blobs, manifests, uploads, secrets, enabled = {}, {}, {}, {}, []
    lock = threading.Lock()

    def answer(self, status, body=b"", **headers):
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)) if not self.is_chunked() else self.chunks()
        path = self.path.split("?")[0]
        if not self.headers.get("authorization"):
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED"}]}, www_authenticate='Basic realm="stand-in"')
        with self.lock:
            for pattern, method in ROUTES:
                found = re.fullmatch(pattern, path)
                if found:
                    return method(self, body, *found.groups())
        return self.answer(404, {"error": {"code": 404, "message": f"no stand-in for {self.command} {path}", "status": "NOT_FOUND"}})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = handle_one

    def is_chunked(self):
        return "chunked" in (self.headers.get("transfer-encoding") or "")

    def chunks(self):
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def log_message(self, *_):
        pass

    def root(self, _):
        self.answer(200, {})

    def blob(self, _, _name, wanted):
        data = self.blobs.get(wanted)
        self.answer(404 if data is None else 200, data or b"", docker_content_digest=wanted)

    def begin_upload(self, _, name):
        upload = str(len(self.uploads))
        self.uploads[upload] = b""
        self.answer(202, location=f"/v2/{name}/blobs/uploads/{upload}")

    def upload(self, body, name, upload):
        self.uploads[upload] += body
        if self.command == "PATCH":
            size = len(self.uploads[upload])
            return self.answer(202, location=f"/v2/{name}/blobs/uploads/{upload}", range=f"0-{size - 1}")
        data = self.uploads.pop(upload)
        self.blobs[digest(data)] = data
        self.answer(201, location=f"/v2/{name}/blobs/{digest(data)}", docker_content_digest=digest(data))

    def manifest(self, body, name, reference):
        if self.command == "PUT":
            kind = self.headers["content-type"]
            self.manifests[name, reference] = self.manifests[name, digest(body)] = (kind, body)
            return self.answer(201, docker_content_digest=digest(body))
        kind, data = self.manifests.get((name, reference), ("application/json", None))
        self.answer(404 if data is None else 200, data or b"{}", content_type=kind, docker_content_digest=reference)

    def enable(self, body, _project, one=None):
        self.enabled.extend([one] if one else json.loads(body)["serviceIds"])
        self.answer(200, {"name": "operations/noop", "done": True, "response": {}}, content_type="application/json")

    def add_version(self, body, secret):
        payload = json.loads(body)["payload"]
        data = base64.b64decode(payload["data"])
        kept = self.secrets.setdefault(secret, [])
        kept.append(data)
        name = f"{secret}/versions/{len(kept)}"
        self.answer(200, {"name": name, "state": "ENABLED", "clientSpecifiedPayloadChecksum": True}, content_type="application/json")

    def access(self, _, secret):
        kept = self.secrets.get(secret)
        if not kept:
            return self.answer(404, {"error": {"code": 404, "message": f"{secret} has no version", "status": "NOT_FOUND"}})
        payload = {"data": base64.b64encode(kept[-1]).decode(), "dataCrc32c": str(crc32c(kept[-1]))}
        self.answer(200, {"name": f"{secret}/versions/{len(kept)}", "payload": payload}, content_type="application/json")


ROUTES = [
    (r"/v2/", StandIns.root),
    (r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})", StandIns.blob),
    (r"/v2/(.+)/blobs/uploads/", StandIns.begin_upload),
    (r"/v2/(.+)/blobs/uploads/(\d+)", StandIns.upload),
    (r"/v2/(.+)/manifests/(.+)", StandIns.manifest),
    (r"/v1/projects/([\w-]+)/services:batchEnable", StandIns.enable),
    (r"/v1/projects/([\w-]+)/services/([\w.-]+):enable", StandIns.enable),
    (r"/v1/(projects/[\w-]+/secrets/[\w-]+):addVersion", StandIns.add_version),
    (r"/v1/(projects/[\w-]+/secrets/[\w-]+)/versions/latest:access", StandIns.access),
]


def image():
    """An OCI archive as `cargo xtask package image` makes it, with next to nothing in it: one image for two architectures."""
    blobs = {}

    def kept(kind, data, **more):
        data = json.dumps(data).encode() if isinstance(data, dict) else data
        blobs[digest(data)] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}

    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    layer = kept(LAYER, layer.getvalue())
    images = []
    for architecture in ("amd64", "arm64"):
        platform = {"architecture": architecture, "os": "linux"}
        config = kept(CONFIG, {**platform, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}, "config": {}})
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        images.append(kept(MANIFEST, manifest, platform=platform))
    index = kept(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": images})
    files = {f"blobs/sha256/{name.split(':')[1]}": data for name, data in blobs.items()}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [index]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True, type=Path, help="where an image for skopeo to copy is written")
    parser.add_argument("--ready-file", required=True, type=Path, help="written with the port")
    args = parser.parse_args()
    args.image.write_bytes(image())
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIns)
    beside = args.ready_file.with_suffix(".new")
    beside.write_text(str(server.server_port))
    beside.rename(args.ready_file)
    server.serve_forever()


if __name__ == "__main__":
    main()
