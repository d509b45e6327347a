"""A device's program for Google's token service, with the subcommands, flags, requests and lines of output of Google's
sample accesstoken.py (googleapis/python-iot, samples/api-client/accesstoken_example).

It is not that sample: its text is Google's, so this one is written anew from what the sample was recorded to send
(hosts, paths, headers and bodies; floats in the JWT; a form to the token service; topic and bucket made and deleted with
the machine's own credentials, as the sample did by gRPC and by google-cloud-storage). It names Google's hosts, as a
program in the field does; `redirect/sitecustomize.py` leads them here. To run the sample itself in its place:

    DRAWBRIDGE_TEST_ACCESSTOKEN=/path/to/accesstoken.py cargo xtask test access_token_sample
"""

import argparse
import base64
import json
import os
import pathlib
import time

import jwt
import requests

SCOPES = "https://www.googleapis.com/auth/"
JSON = {"content-type": "application/json", "cache-control": "no-cache"}
JWT_LIFE_SECS = 6 * 3600
OBJECT = "testFile.ext"
FLAGS = """private_key_file cloud_region device_id scope project_id registry_id topic_id bucket_name data_path
service_account_email device_access_token command_to_be_sent_to_device""".split()


def asked(method, url, token, **body):
    """One request with a token; its answer, which has to be 2xx."""
    answer = requests.request(method, url, headers={"authorization": f"Bearer {token}", **JSON}, **body)
    answer.raise_for_status()
    return answer


def device_name(args):
    return f"projects/{args.project_id}/locations/{args.cloud_region}/registries/{args.registry_id}/devices/{args.device_id}"


def device_token(args, scope):
    now = time.time()
    claims = {"iat": now, "exp": float(int(now) + JWT_LIFE_SECS), "aud": args.project_id}
    signed = jwt.encode(claims, pathlib.Path(args.private_key_file).read_text(), algorithm=args.algorithm)
    url = f"https://cloudiottoken.googleapis.com/v1beta1/{device_name(args)}:generateAccessToken"
    form = {"scope": scope, "device": device_name(args)}
    answer = requests.post(url, data=form, headers={"authorization": f"Bearer {signed}"})
    answer.raise_for_status()
    token = answer.json()["access_token"]
    print(f"Device access token: {token}")
    return token


def account_token(token, account):
    url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
    answer = asked("POST", url, token, data=json.dumps({"scope": [SCOPES + "cloud-platform"]}))
    print(f"Service account access token: {answer.json()['accessToken']}")
    return answer.json()["accessToken"]


def generate(args):
    device_token(args, args.scope)


def exchange(args):
    account_token(args.device_access_token, args.service_account_email)


def publish(args):
    from google.cloud import pubsub

    token = device_token(args, SCOPES + "pubsub")
    administrator = pubsub.PublisherClient()
    topic = administrator.topic_path(args.project_id, args.topic_id)
    administrator.create_topic(request={"name": topic})
    print(f"Successfully created Pub/Sub topic: {args.topic_id}.")
    message = {"data": base64.b64encode(b"MESSAGE_DATA").decode()}
    answer = asked("POST", f"https://pubsub.googleapis.com/v1/{topic}:publish", token, data=json.dumps({"messages": [message]}))
    print(f"Pub/Sub message has been successfully published to {args.topic_id}: {answer.json()}")
    administrator.delete_topic(request={"topic": topic})
    print(f"Successfully deleted Pub/Sub topic: {args.topic_id}")


def download(args):
    from google.cloud import storage

    token = device_token(args, SCOPES + "devstorage.full_control")
    administrator = storage.Client()
    bucket = administrator.bucket(args.bucket_name)
    bucket.storage_class = "COLDLINE"
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    administrator.create_bucket(bucket, location=args.cloud_region)
    print(f"Successfully created Storage bucket: {args.bucket_name}")
    objects = f"storage.googleapis.com/{{}}storage/v1/b/{args.bucket_name}/o"
    content = pathlib.Path(args.data_path).read_bytes()
    asked("POST", f"https://{objects.format('upload/')}?uploadType=media&name={OBJECT}", token, data=content)
    print(f"Successfully uploaded {args.data_path} as {OBJECT} to bucket {args.bucket_name}.")
    answer = asked("GET", f"https://{objects.format('')}/{OBJECT}?alt=media", token)
    assert answer.content == content, "what came back is not what was sent"
    print(f"Successfully downloaded {OBJECT} from bucket {args.bucket_name}.")
    bucket.blob(OBJECT).delete()
    print(f"Successfully deleted {OBJECT} from bucket {args.bucket_name}.")
    bucket.delete()
    print(f"Successfully deleted bucket: {args.bucket_name}")


def command(args):
    token = account_token(device_token(args, SCOPES + "cloud-platform"), args.service_account_email)
    data = base64.urlsafe_b64encode(args.command_to_be_sent_to_device.encode()).decode()
    url = f"https://cloudiot.googleapis.com/v1/{device_name(args)}:sendCommandToDevice"
    asked("POST", url, token, data=json.dumps({"binaryData": data}))
    print(f"Successfully sent command {args.command_to_be_sent_to_device} to device.")


SUBCOMMANDS = {
    "generate-access-token": generate,
    "publish-pubsub-message": publish,
    "send-command-to-iot-device": command,
    "download-cloud-storage-file": download,
    "exchange-device-token-for-service-account-token": exchange,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", default="RS256", choices=("RS256", "ES256"))
    for flag in FLAGS:
        default = {"cloud_region": "us-central1", "project_id": os.environ.get("GOOGLE_CLOUD_PROJECT")}.get(flag)
        parser.add_argument(f"--{flag}", default=default)
    parser.add_argument("subcommand", choices=SUBCOMMANDS)
    args = parser.parse_args()
    SUBCOMMANDS[args.subcommand](args)


main()
