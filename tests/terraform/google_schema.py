"""The schema of the provider hashicorp/google for the types that our modules use, out of PyPI's cdktn-provider-google.

That package holds bindings that were generated from the provider. Its source maps carry TypeScript in which every attribute has a
line such as `// name - computed: false, optional: false, required: true`, and the enumerations stand in its documentation.
Printed as `terraform providers schema -json` has it. Not in it: patterns, lengths, conflicts between arguments, what forces a
replacement.
"""

import argparse
import base64
import json
import re
import tarfile
import zipfile
from pathlib import Path

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool"}

# How a getter reads an attribute says of which type it is. The first that occurs counts.
GETTERS = [
    ("getStringMapAttribute", ["map", "string"]),
    ("getNumberMapAttribute", ["map", "number"]),
    ("getBooleanMapAttribute", ["map", "bool"]),
    ("getStringAttribute", "string"),
    ("getNumberAttribute", "number"),
    ("getBooleanAttribute", "bool"),
    ("getNumberListAttribute", ["list", "number"]),
    ("getListAttribute", ["list", "string"]),
]

CLASS = re.compile(r"^export class (\w+) extends cdktn?f?\.(\w+) \{(.*?)^\}", re.S | re.M)
TO_HCL = re.compile(r"^export function (\w+)ToHclTerraform\(.*?\{(.*?)^\}", re.S | re.M)
OWN_TO_HCL = re.compile(r"synthesizeHclAttributes\(\).*?const attrs = \{(.*?)\n    \};", re.S)
ENTRY = re.compile(r'(\w+): \{\s*value: .*?,\s*isBlock: (true|false),\s*type: "(\w+)",\s*storageClassType: "(\w+)",\s*\}', re.S)
ATTRIBUTE = re.compile(r"^  // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\s*$", re.M)
NESTED = re.compile(r'new (\w+?)(OutputReference|List|Map|Set)\(this, "[\w.]+"(?:, (true|false))?\)')
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{(.*?)^\}", re.S | re.M)
DOCUMENTED = re.compile(r"/\*\*(.*?)\*/\s*readonly (\w+)", re.S)
SOURCE_MAP = re.compile(r"sourceMappingURL=data:application/json;base64,([A-Za-z0-9+/=]+)")


class Source:
    """The TypeScript of one type."""

    def __init__(self, text):
        self.text = text
        self.classes = {name: (base, body) for name, base, body in CLASS.findall(text)}
        self.to_hcl = {name.lower(): body for name, body in TO_HCL.findall(text)}
        self.enumerations = dict(self.find_enumerations())

    def find_enumerations(self):
        for interface, body in INTERFACE.findall(self.text):
            for document, _ in DOCUMENTED.findall(body):
                document = re.sub(r"\s*\n\s*\*\s*", " ", document)
                name, values = re.search(r"#(\w+) \w+#", document), re.search(r"Possible values: \[([^\]]*)\]", document)
                if name and values:
                    yield (interface, name.group(1)), re.findall(r'"([^"]+)"', values.group(1))

    def block(self, name, is_whole=False):
        """The schema of the block that the class `name` reads; `is_whole` for that of a type itself."""
        if name not in self.classes:
            return {"attributes": {}}
        body = self.classes[name][1]
        stem = re.sub("OutputReference$", "", name)
        own = OWN_TO_HCL.search(body) if is_whole else None
        entries = own.group(1) if own else self.to_hcl.get(stem.lower(), "")
        entries = {entry: (is_block == "true", kind, storage) for entry, is_block, kind, storage in ENTRY.findall(entries)}
        interface = name + "Config" if is_whole else stem
        attributes, blocks = {}, {}
        parts = ATTRIBUTE.split(body)
        for attribute, computed, optional, required, code in zip(*(parts[place::5] for place in range(1, 6))):
            is_block, kind, storage = entries.get(attribute, (False, None, None))
            nested = NESTED.search(code)
            if is_block:
                blocks[attribute] = self.nested_block(nested, kind, storage, required == "true")
                continue
            flags = {"required": required, "optional": optional, "computed": computed}
            attributes[attribute] = {
                "type": self.type_of(kind, storage, nested, code),
                **{flag: True for flag, given in flags.items() if given == "true"},
            }
            if (interface, attribute) in self.enumerations:
                attributes[attribute]["enum"] = self.enumerations[interface, attribute]
        if is_whole:
            attributes.setdefault("id", {"type": "string", "optional": True, "computed": True})
        return {"attributes": attributes, "block_types": blocks}

    def nested_block(self, nested, kind, storage, is_required):
        is_single = nested and nested.group(2) == "OutputReference"
        mode = "single" if kind == "struct" else "set" if nested and nested.group(3) == "true" else "list"
        block = {"nesting_mode": mode}
        if mode != "single":
            block |= {"min_items": 1} if is_required else {}
            block |= {"max_items": 1} if is_single else {}
        stem = nested.group(1) if nested else re.sub("List$", "", storage)
        return {**block, "block": self.block(stem + "OutputReference")}

    def type_of(self, kind, storage, nested, code):
        found = None
        if kind == "simple":
            found = PRIMITIVES.get(storage, "string")
        elif kind in ("list", "set", "map"):
            element = re.sub("(List|Map|Set)$", "", storage)
            found = [kind, PRIMITIVES[element]] if element in PRIMITIVES else None
            if element.removesuffix("List") in PRIMITIVES and element.endswith("List"):
                found = [kind, ["list", PRIMITIVES[element.removesuffix("List")]]]
        if found is None and nested:
            found = ["set" if nested.group(3) == "true" else "list", self.object_of(nested.group(1) + "OutputReference")]
        found = found or next((known for getter, known in GETTERS if getter in code), "string")
        # What Terraform keeps as a set is made a list before it is read.
        is_set = "Fn.tolist" in code and isinstance(found, list) and found[0] == "list"
        return ["set", found[1]] if is_set else found

    def object_of(self, name):
        block = self.block(name)
        fields = {field: found["type"] for field, found in block["attributes"].items()}
        return ["object", fields | {field: ["list", "string"] for field in block.get("block_types", {})}]


def sources(wheel, wanted):
    """The TypeScript of each of the folders `wanted` of the package, by folder."""
    with zipfile.ZipFile(wheel) as whole:
        inner = next(name for name in whole.namelist() if name.endswith(".tgz"))
        with whole.open(inner) as stream, tarfile.open(fileobj=stream, mode="r|gz") as archive:
            for member in archive:
                path = Path(member.name)
                if path.name == "index.js" and path.parent.parent.name == "lib" and path.parent.name in wanted:
                    found = SOURCE_MAP.search(archive.extractfile(member).read().decode())
                    yield path.parent.name, json.loads(base64.b64decode(found.group(1)))["sourcesContent"][0]


def used(modules):
    """Folders of the package for what `.tf` files use, each with its kind and Terraform's name for it."""
    wanted = {"provider": ("provider", "google")}
    for file in Path(modules).rglob("*.tf"):
        for kind, name in re.findall(r'^(resource|data) "google_(\w+)"', file.read_text(), re.M):
            folder = name.replace("_", "-")
            wanted[f"data-google-{folder}" if kind == "data" else folder] = (kind, f"google_{name}")
    return wanted


def schema(wheel, wanted):
    found = {"resource_schemas": {}, "data_source_schemas": {}}
    bases = {"resource": "TerraformResource", "data": "TerraformDataSource", "provider": "TerraformProvider"}
    for folder, text in sources(wheel, wanted):
        kind, name = wanted[folder]
        source = Source(text)
        main = next(cls for cls, (base, _) in source.classes.items() if base == bases[kind])
        block = {"version": 0, "block": source.block(main, is_whole=kind != "provider")}
        if kind == "provider":
            found["provider"] = block
        else:
            found["resource_schemas" if kind == "resource" else "data_source_schemas"][name] = block
    missing = {name for _, name in wanted.values()} - {"google", *found["resource_schemas"], *found["data_source_schemas"]}
    if missing:
        raise SystemExit(f"the provider has no {', '.join(sorted(missing))}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", required=True, help="cdktn_provider_google-….whl")
    parser.add_argument("--modules", required=True, help="folder of the .tf files")
    parser.add_argument("--out", required=True, type=Path, help="kept when it holds what the modules use")
    args = parser.parse_args()
    wanted = used(args.modules)
    names = sorted(wanted)
    if args.out.is_file() and json.loads(args.out.read_text()).get("made_for") == names:
        return
    args.out.write_text(json.dumps({"made_for": names, **schema(args.wheel, wanted)}))


if __name__ == "__main__":
    main()
