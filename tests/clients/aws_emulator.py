"""AWS on 127.0.0.1: moto, with what Terraform and our tests need of AWS and moto lacks. Keeps everything in memory.

| mended | because |
| --- | --- |
| custom authorizers of AWS IoT can be made, described, changed and deleted | Terraform's `aws_iot_authorizer` waits for them for minutes |
| tags of things of AWS IoT are kept and can be listed | `aws_iot_topic_rule` asks for them |
| domain configurations of AWS IoT keep their protocol, their way to prove who one is, and get an endpoint | a second plan would want to make them again |
| budgets keep their tags and say who is told | `aws_budgets_budget` asks for both |
| a function's dead-letter queue and its logging are kept | a second plan would want to set them again |
| the endpoint of AWS IoT is the same at each question | a second plan would want to change an output |
| a queue's redrive policy comes back as it was written | a second plan would want to write it again |
| KMS signs a hash that was made elsewhere (`MessageType` `DIGEST`) | moto hashes it again, and no one could verify that |
| IAM's own policies are there | roles are attached to them |
"""

import argparse
import base64
import json
import os
from urllib.parse import parse_qsl

os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.awslambda.models import LambdaFunction
from moto.budgets.responses import BudgetsResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.iot.models import FakeDomainConfiguration
from moto.iot.responses import IoTResponse
from moto.kms.responses import KmsResponse
from moto.server import main
from moto.sqs.models import Queue

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

def describe_endpoint(self):
    kind = (self._get_param("endpointType") or "iot:Data-ATS").split(":")[1].lower()
    return ActionResult({"endpointAddress": f"drawbridge-{kind}.iot.{self.region}.amazonaws.com"})


IoTResponse.describe_endpoint = describe_endpoint
make_rule = IoTResponse.create_topic_rule


def create_topic_rule(self):
    made = make_rule(self)
    arn = self.iot_backend.rules[self._get_param("ruleName")].arn
    tags = parse_qsl(self.headers.get("x-amz-tagging", ""))
    kept(self, "tags")[arn] = {key: {"Key": key, "Value": value} for key, value in tags}
    return made


IoTResponse.create_topic_rule = create_topic_rule
make_domain, describe_domain = IoTResponse.create_domain_configuration, FakeDomainConfiguration.to_description_dict


def create_domain_configuration(self):
    made = make_domain(self)
    one = self.iot_backend.domain_configurations[self._get_param("domainConfigurationName")]
    one.drawbridge_kept = {name: self._get_param(name) or "DEFAULT" for name in ("applicationProtocol", "authenticationType")}
    if one.domain_name is None:
        one.domain_type, one.domain_name = "AWS_MANAGED", f"drawbridge-devices-ats.iot.{self.region}.amazonaws.com"
    kept(self, "tags")[one.domain_configuration_arn] = {tag["Key"]: tag for tag in self._get_param("tags") or []}
    return made


def to_description_dict(self):
    return {**describe_domain(self), **self.drawbridge_kept}


IoTResponse.create_domain_configuration = create_domain_configuration
FakeDomainConfiguration.to_description_dict = to_description_dict
make_budget = BudgetsResponse.create_budget


def budget_tags(self, name=None):
    name = name or self._get_param("ResourceARN").rsplit("/", 1)[-1]
    return self.backend.__dict__.setdefault("drawbridge", {}).setdefault(name, {})


def create_budget(self):
    made = make_budget(self)
    tags = self._get_param("ResourceTags") or []
    budget_tags(self, self._get_param("Budget")["BudgetName"]).update({tag["Key"]: tag for tag in tags})
    return made


def describe_subscribers_for_notification(self):
    budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
    wanted = self._get_param("Notification")
    same = lambda one: all(str(one.details.get(name)) == str(wanted.get(name)) for name in ("NotificationType", "Threshold"))
    return json.dumps({"Subscribers": next(one.subscribers for one in budget.notifications if same(one))})


def list_budget_tags(self):
    return json.dumps({"ResourceTags": list(budget_tags(self).values())})


BudgetsResponse.create_budget = create_budget
BudgetsResponse.describe_subscribers_for_notification = describe_subscribers_for_notification
BudgetsResponse.list_tags_for_resource = list_budget_tags
attributes = Queue.attributes.fget


def compact(self):
    found = attributes(self)
    if "RedrivePolicy" in found:
        found["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
    return found


Queue.attributes = property(compact)

sign_message = KmsResponse.sign


def sign(self):
    digest = self._get_param("Message")
    if self._get_param("MessageType") != "DIGEST" or self._get_param("SigningAlgorithm") != "ECDSA_SHA_256":
        return sign_message(self)
    key = self.kms_backend.describe_key(self._get_param("KeyId"))
    signature = key.private_key.private_key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    return json.dumps({"KeyId": key.arn, "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": "ECDSA_SHA_256"})


KmsResponse.sign = sign
made, configuration, update = LambdaFunction.__init__, LambdaFunction.get_configuration, LambdaFunction.update_configuration
KEPT = ["DeadLetterConfig", "LoggingConfig"]


def make(self, *args, **kwargs):
    made(self, *args, **kwargs)
    spec = kwargs.get("spec") or next(given for given in args if isinstance(given, dict))
    self.drawbridge_kept = {name: spec[name] for name in KEPT if spec.get(name)}


def get_configuration(self, *args, **kwargs):
    return {**configuration(self, *args, **kwargs), **self.drawbridge_kept}


def update_configuration(self, wanted, *args, **kwargs):
    self.drawbridge_kept |= {name: wanted[name] for name in KEPT if name in wanted}
    update(self, wanted, *args, **kwargs)
    return self.get_configuration()


LambdaFunction.__init__ = make
LambdaFunction.get_configuration = get_configuration
LambdaFunction.update_configuration = update_configuration

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", required=True)
    main(["-H", "127.0.0.1", "-p", parser.parse_args().port])
