"""Leads what a program sends to Google's hosts to one address on this machine, so that a program which names those hosts
runs as it is. Python imports a module of this name at its start from PYTHONPATH.

DRAWBRIDGE_TEST_GOOGLE is the address, as http://127.0.0.1:8080; without it nothing is led anywhere. Each request is
written as a line `HOST METHOD PATH` to the file DRAWBRIDGE_TEST_GOOGLE_LOG. What is not sent by `requests` (gRPC) follows
the variable of its own library, such as PUBSUB_EMULATOR_HOST.
"""

import os
from urllib.parse import urlsplit

HERE = os.environ.get("DRAWBRIDGE_TEST_GOOGLE")
LOG = os.environ.get("DRAWBRIDGE_TEST_GOOGLE_LOG", os.devnull)


def lead(request):
    parts = urlsplit(request.url)
    if not (parts.hostname or "").endswith(".googleapis.com"):
        return
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(f"{parts.hostname} {request.method} {parts.path}\n")
    here = urlsplit(HERE)
    request.url = parts._replace(scheme=here.scheme, netloc=here.netloc).geturl()


if HERE:
    from requests.adapters import HTTPAdapter

    really_send = HTTPAdapter.send

    def send(self, request, *args, **kwargs):
        lead(request)
        return really_send(self, request, *args, **kwargs)

    HTTPAdapter.send = send
