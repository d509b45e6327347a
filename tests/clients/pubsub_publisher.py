"""A program that publishes as a device: google-cloud-pubsub over REST, with another endpoint and the device's access token.

    ACCESS_TOKEN=… OTHER_TOKEN=… NARROW_TOKEN=… python pubsub_publisher.py http://127.0.0.1:PORT PROJECT TOPIC

ACCESS_TOKEN may publish to TOPIC and manage topics of PROJECT, OTHER_TOKEN may not, NARROW_TOKEN was made for another service.
Ends with one JSON line: the ids of what was published. Exits 0 only if every answer was what the real service gives.
"""

import json
import os
import sys

from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.oauth2.credentials import Credentials

MESSAGES = 25


def publisher(endpoint, token):
    settings = pubsub_v1.types.BatchSettings(max_messages=10, max_latency=0.01)
    options = {"api_endpoint": endpoint}
    return pubsub_v1.PublisherClient(settings, credentials=Credentials(token=token), transport="rest", client_options=options)


def refused(kind, call, says):
    try:
        call()
    except kind as error:
        assert says in str(error), f"{says!r} is not in {error}"
        return
    raise AssertionError(f"{kind.__name__} expected")


def topics(client, project):
    """Makes a topic and removes it, as Cloud IoT Core's sample did around its publish."""
    name = client.topic_path(project, "made-and-removed")
    assert client.create_topic(name=name).name == name
    refused(exceptions.Conflict, lambda: client.create_topic(name=name), "already exists")
    assert client.get_topic(topic=name).name == name
    client.delete_topic(topic=name)
    refused(exceptions.NotFound, lambda: client.get_topic(topic=name), "not found")
    refused(exceptions.NotFound, lambda: client.delete_topic(topic=name), "not found")


def main():
    endpoint, project, topic_id = sys.argv[1:4]
    client = publisher(endpoint, os.environ["ACCESS_TOKEN"])
    topic = client.topic_path(project, topic_id)
    futures = [client.publish(topic, b"reading %d" % n, n=str(n)) for n in range(MESSAGES)]
    ids = [future.result(timeout=30) for future in futures]
    assert len(set(ids)) == MESSAGES, ids
    topics(client, project)
    other = publisher(endpoint, os.environ["OTHER_TOKEN"])
    refused(exceptions.Forbidden, lambda: other.publish(topic, b"no").result(timeout=30), "pubsub.topics.publish")
    narrow = publisher(endpoint, os.environ["NARROW_TOKEN"])
    refused(exceptions.Forbidden, lambda: narrow.publish(topic, b"no").result(timeout=30), "insufficient authentication scopes")
    # The batching client refuses this itself.
    plain = pubsub_v1.publisher.client.publisher_client.PublisherClient
    empty = {"topic": topic, "messages": [{}]}
    refused(exceptions.BadRequest, lambda: plain.publish(client, empty), "data and attributes")
    print(json.dumps(ids))


main()
