"""The token exchange as a Python function with Google's libraries: a device's JWT in, an access token out.

Usage: token_exchange.py PORT DEVICE_KEY.pem AUDIENCE. Its own token service (STS) is a handler of the same server, so that both
programs of the benchmark do the same without a network.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google.auth.transport.requests
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from google.oauth2 import sts

PORT, KEY_FILE, AUDIENCE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(KEY_FILE) as file:
    DEVICE_KEY = file.read()
SIGNING_KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT = sts.Client(f"http://127.0.0.1:{PORT}/sts")
REQUEST = google.auth.transport.requests.Request()
PROVIDER = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(self.sts(body) if self.path == "/sts" else self.exchange())

    def exchange(self):
        token = self.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, DEVICE_KEY, algorithms=["ES256"], audience=AUDIENCE)
        now = int(time.time())
        subject = {"iss": "https://issuer.example", "aud": PROVIDER, "sub": "1", "iat": now, "exp": min(now + 300, claims["exp"])}
        signed = jwt.encode(subject, SIGNING_KEY, algorithm="ES256")
        return CLIENT.exchange_token(
            REQUEST,
            grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
            subject_token=signed,
            subject_token_type="urn:ietf:params:oauth:token-type:jwt",
            audience=PROVIDER,
            scopes=["https://www.googleapis.com/auth/pubsub"],
        )

    def sts(self, body):
        signed = dict(pair.split("=", 1) for pair in body.decode().split("&"))["subject_token"]
        jwt.decode(signed, SIGNING_KEY.public_key(), algorithms=["ES256"], audience=PROVIDER)
        return {"access_token": "t" * 200, "token_type": "Bearer", "expires_in": 3599}

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
