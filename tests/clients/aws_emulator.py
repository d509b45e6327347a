"""AWS on 127.0.0.1: moto, with what Terraform and our tests need of AWS and moto lacks. Keeps everything in memory.

| mended | because |
| --- | --- |
| custom authorizers of AWS IoT can be made, described, changed and deleted | Terraform's `aws_iot_authorizer` waits for them for minutes |
| tags of things of AWS IoT can be listed | `aws_iot_topic_rule` asks for them |
| a function's dead-letter queue is kept | a second plan would want to set it again |
| IAM's own policies are there | roles are attached to them |
"""

import argparse
import os

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.iot.responses import IoTResponse
from moto.server import main

SETTINGS = ["authorizerFunctionArn", "tokenKeyName", "tokenSigningPublicKeys", "status", "signingDisabled", "enableCachingForHttp"]


class NotFound(JsonRESTError):
    code = 404

    def __init__(self, message):
        super().__init__("ResourceNotFoundException", message)


def kept(response, what):
    """What is kept besides moto's own, of the account and region of a request."""
    backend = response.iot_backend
    if not hasattr(backend, "drawbridge"):
        backend.drawbridge = {"authorizers": {}, "tags": {}}
    return backend.drawbridge[what]


def settings(response):
    return {name: response._get_param(name) for name in SETTINGS if response._get_param(name) is not None}


def authorizer(response):
    name = response._get_param("authorizerName")
    if name not in kept(response, "authorizers"):
        raise NotFound(f"authorizer {name} was not found")
    return kept(response, "authorizers")[name]


def named(one):
    return ActionResult({"authorizerName": one["authorizerName"], "authorizerArn": one["authorizerArn"]})


def create_authorizer(self):
    name = self._get_param("authorizerName")
    arn = f"arn:aws:iot:{self.region}:{self.current_account}:authorizer/{name}"
    one = {"authorizerName": name, "authorizerArn": arn, "status": "ACTIVE", **settings(self)}
    kept(self, "authorizers")[name] = one
    kept(self, "tags")[arn] = {tag["Key"]: tag for tag in self._get_param("tags") or []}
    return named(one)


def describe_authorizer(self):
    return ActionResult({"authorizerDescription": authorizer(self)})


def update_authorizer(self):
    one = authorizer(self)
    one.update(settings(self))
    return named(one)


def delete_authorizer(self):
    one = authorizer(self)
    if one["status"] == "ACTIVE":
        raise JsonRESTError("DeleteConflictException", "an active authorizer cannot be deleted")
    del kept(self, "authorizers")[one["authorizerName"]]
    return EmptyResult()


def list_tags_for_resource(self):
    return ActionResult({"tags": list(kept(self, "tags").get(self._get_param("resourceArn"), {}).values())})


def tag_resource(self):
    tags = kept(self, "tags").setdefault(self._get_param("resourceArn"), {})
    tags.update({tag["Key"]: tag for tag in self._get_param("tags")})
    return EmptyResult()


def untag_resource(self):
    tags = kept(self, "tags").get(self._get_param("resourceArn"), {})
    for key in self._get_param("tagKeys"):
        tags.pop(key, None)
    return EmptyResult()


for action in (
    create_authorizer,
    describe_authorizer,
    update_authorizer,
    delete_authorizer,
    list_tags_for_resource,
    tag_resource,
    untag_resource,
):
    setattr(IoTResponse, action.__name__, action)

made, configuration, update = LambdaFunction.__init__, LambdaFunction.get_configuration, LambdaFunction.update_configuration


def make(self, *args, **kwargs):
    made(self, *args, **kwargs)
    spec = kwargs.get("spec") or next(given for given in args if isinstance(given, dict))
    self.drawbridge_dead_letters = spec.get("DeadLetterConfig")


def get_configuration(self, *args, **kwargs):
    found = configuration(self, *args, **kwargs)
    if self.drawbridge_dead_letters:
        found["DeadLetterConfig"] = self.drawbridge_dead_letters
    return found


def update_configuration(self, wanted, *args, **kwargs):
    if "DeadLetterConfig" in wanted:
        self.drawbridge_dead_letters = wanted["DeadLetterConfig"]
    update(self, wanted, *args, **kwargs)
    return self.get_configuration()


LambdaFunction.__init__ = make
LambdaFunction.get_configuration = get_configuration
LambdaFunction.update_configuration = update_configuration

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", required=True)
    main(["-H", "127.0.0.1", "-p", parser.parse_args().port])
