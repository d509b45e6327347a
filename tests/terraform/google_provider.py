"""A provider of Terraform with the schema of hashicorp/google and nothing behind it.

Terraform itself parses, plans and applies; this answers what it asks of a provider, so no account and no network is needed.
Refused, as the real one does: an attribute that only Google sets, and a value that is not one of an enumeration's. What Google would
have made up (ids, URLs, addresses) gets a made-up value at apply, and is unknown at plan.
"""

import argparse
import json
import os
import sys
from concurrent import futures
from pathlib import Path

import grpc
import msgpack

# grpc finds the file on the path that it imports from.
sys.path.insert(0, str(Path(__file__).parent))
messages, services = grpc.protos_and_services("tfplugin5.proto")

NAME = "registry.terraform.io/hashicorp/google"
# The schemas of everything in use are some megabytes.
LARGEST_MESSAGE = [("grpc.max_send_message_length", 1 << 28), ("grpc.max_receive_message_length", 1 << 28)]
UNKNOWN = msgpack.ExtType(0, b"\x00")
NESTINGS = {"single": 1, "list": 2, "set": 3}
ERROR = 1


def schema_message(schema):
    return messages.Schema(version=schema["version"], block=block_message(schema["block"]))


def block_message(block):
    message = messages.Schema.Block()
    for name, attribute in sorted(block["attributes"].items()):
        flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")}
        message.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
    for name, nested in sorted(block.get("block_types", {}).items()):
        limits = {limit: nested.get(limit, 0) for limit in ("min_items", "max_items")}
        message.block_types.add(type_name=name, nesting=NESTINGS[nested["nesting_mode"]], block=block_message(nested["block"]), **limits)
    return message


def read(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def written(value):
    return messages.DynamicValue(msgpack=msgpack.packb(value, use_bin_type=False))


def nested_values(block, value):
    """Each block within `value`, with its schema and the steps that lead there."""
    for name, nested in block.get("block_types", {}).items():
        held = value.get(name)
        if isinstance(held, list):
            yield from ((nested["block"], one, [name, place]) for place, one in enumerate(held) if isinstance(one, dict))
        elif isinstance(held, dict):
            yield nested["block"], held, [name]


def fill(block, value):
    """What Google will set is not known yet."""
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and value.get(name) is None:
            value[name] = UNKNOWN
    for nested, held, _ in nested_values(block, value):
        fill(nested, held)
    return value


def made_up(kind, name):
    if isinstance(kind, str):
        return {"string": f"made-up-{name}", "number": 1, "bool": False}[kind]
    return {"list": [], "set": [], "map": {}}.get(kind[0])


def settle(block, value, of):
    """Gives what is not known a value: the same at each apply."""
    for name, attribute in block["attributes"].items():
        if isinstance(value.get(name), msgpack.ExtType):
            value[name] = f"https://{of}.example.com" if name == "uri" else made_up(attribute["type"], f"{of}-{name}")
    for nested, held, _ in nested_values(block, value):
        settle(nested, held, of)
    return value


def mistakes(block, value, steps):
    for name, attribute in block["attributes"].items():
        given = value.get(name)
        if given is None:
            continue
        if attribute.get("computed") and not attribute.get("optional"):
            yield f"{name} is read-only", [*steps, name]
        elif isinstance(given, str) and given not in attribute.get("enum", [given]):
            yield f'{name} is "{given}"; it must be one of {", ".join(attribute["enum"])}', [*steps, name]
    for nested, held, further in nested_values(block, value):
        yield from mistakes(nested, held, [*steps, *further])


class Provider(services.ProviderServicer):
    def __init__(self, schema, faults):
        self.faults = faults
        self.provider, self.resources, self.data = (schema[part] for part in ("provider", "resource_schemas", "data_source_schemas"))

    def GetSchema(self, request, context):
        answer = messages.GetProviderSchema.Response(provider=schema_message(self.provider))
        for name, schema in self.resources.items():
            answer.resource_schemas[name].CopyFrom(schema_message(schema))
        for name, schema in self.data.items():
            answer.data_source_schemas[name].CopyFrom(schema_message(schema))
        return answer

    def PrepareProviderConfig(self, request, context):
        return messages.PrepareProviderConfig.Response(prepared_config=request.config)

    def ValidateResourceTypeConfig(self, request, context):
        answer = messages.ValidateResourceTypeConfig.Response()
        for said, steps in mistakes(self.resources[request.type_name]["block"], read(request.config), []):
            diagnostic = answer.diagnostics.add(severity=ERROR, summary=said)
            for step in steps:
                diagnostic.attribute.steps.add(**{"element_key_int" if isinstance(step, int) else "attribute_name": step})
        return answer

    def ValidateDataSourceConfig(self, request, context):
        return messages.ValidateDataSourceConfig.Response()

    def UpgradeResourceState(self, request, context):
        return messages.UpgradeResourceState.Response(upgraded_state=messages.DynamicValue(json=request.raw_state.json))

    def Configure(self, request, context):
        return messages.Configure.Response()

    def ReadResource(self, request, context):
        return messages.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        planned = read(request.proposed_new_state)
        if planned is not None and read(request.prior_state) is None:
            planned = fill(self.resources[request.type_name]["block"], planned)
        return messages.PlanResourceChange.Response(planned_state=written(planned), legacy_type_system=True)

    def ApplyResourceChange(self, request, context):
        planned = read(request.planned_state)
        refused = json.loads(self.faults.read_text()) if self.faults.is_file() else {}
        if planned is not None and read(request.prior_state) is None and request.type_name in refused:
            answer = messages.ApplyResourceChange.Response(new_state=written(None))
            answer.diagnostics.add(severity=ERROR, summary=refused[request.type_name])
            return answer
        if planned is not None:
            of = planned.get("name")
            of = of if isinstance(of, str) else request.type_name
            planned = settle(self.resources[request.type_name]["block"], planned, of)
        return messages.ApplyResourceChange.Response(new_state=written(planned), legacy_type_system=True)

    def ReadDataSource(self, request, context):
        block = self.data[request.type_name]["block"]
        return messages.ReadDataSource.Response(state=written(settle(block, fill(block, read(request.config)), request.type_name)))

    def Stop(self, request, context):
        return messages.Stop.Response()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schema", required=True, type=Path, help="what google_schema.py made")
    parser.add_argument("--ready-file", required=True, type=Path, help="written with the value of TF_REATTACH_PROVIDERS")
    parser.add_argument("--faults", required=True, type=Path, help="what to refuse, by kind of resource, as JSON; read at each creation")
    args = parser.parse_args()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=LARGEST_MESSAGE)
    services.add_ProviderServicer_to_server(Provider(json.loads(args.schema.read_text()), args.faults), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    # Terraform ends a provider by this number, unless it is said to be under test.
    attached = {NAME: {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True, "Addr": address}}
    beside = args.ready_file.with_suffix(".new")
    beside.write_text(json.dumps(attached))
    beside.rename(args.ready_file)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
