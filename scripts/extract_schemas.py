"""Write the stand-in providers' schemas (sandbox/standin/schemas) from the pinned cdktf bindings.

The bindings' compiled JavaScript ends in an inline source map that holds the generated TypeScript, and that keeps what
the compiler drops: a comment `// name - computed: b, optional: b, required: b` at every attribute. What the bindings
do not say (sensitive, item limits above one, state versions) comes from schemas/overlay.json. Usage:

    python -m scripts.extract_schemas [--check] [--cache DIR]

--check writes nothing and fails when a committed file differs. Packages are fetched with `npm pack`.
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parent.parent / "sandbox/standin/schemas"
FLAGS = re.compile(r"^  // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.MULTILINE)
GETTERS = (  # the first that is found in an attribute's code gives its type; sets are read through tolist()
    (r"Fn\.tolist\(this\.getListAttribute", ["set", "string"]),
    (r"tolist\(this\.getNumberListAttribute|tokenAsNumberList\(cdktf\.Fn\.tolist", ["set", "number"]),
    (r"getListAttribute", ["list", "string"]),
    (r"getNumberListAttribute", ["list", "number"]),
    (r"getStringMapAttribute|new cdktf\.StringMap\(", ["map", "string"]),
    (r"getNumberMapAttribute|new cdktf\.NumberMap\(", ["map", "number"]),
    (r"getBooleanMapAttribute|new cdktf\.BooleanMap\(", ["map", "bool"]),
    (r"new cdktf\.StringMapList\(this, \"\w+\", false", ["list", ["map", "string"]]),
    (r"new cdktf\.StringMapList\(this, \"\w+\", true", ["set", ["map", "string"]]),
    (r"getNumberAttribute", "number"),
    (r"getBooleanAttribute", "bool"),
    (r"getStringAttribute", "string"),
)


@dataclass(frozen=True)
class Package:
    """One binding package: which provider it is generated from, and what of it we take."""

    provider: str
    name: str
    version: str
    sha256: str
    resources: tuple[str, ...]
    data: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"registry.terraform.io/hashicorp/{self.provider}"


PACKAGES = (
    Package(
        "azurerm",
        "@cdktf/provider-azurerm",
        "14.23.0",
        "2b6dea673fe0838d3add8e8a5121c00c85c1db7ed49b5aeceeac15d77eea9f2a",
        (
            "resource_group",
            "virtual_network",
            "subnet",
            "network_security_group",
            "network_interface",
            "public_ip",
            "network_interface_security_group_association",
            "linux_virtual_machine",
            "storage_account",
            "storage_container",
            "storage_management_policy",
            "kubernetes_cluster",
            "log_analytics_workspace",
            "monitor_diagnostic_setting",
            "role_assignment",
            "user_assigned_identity",
        ),
        ("client_config",),
    ),
    Package(
        "google",
        "@cdktf/provider-google",
        "16.12.0",
        "f7301942e30bb8ecc52e988ef2f78cc2cb6e317489ec90c19c0f8d61696a4097",
        (
            "compute_network",
            "compute_subnetwork",
            "compute_firewall",
            "compute_address",
            "compute_instance",
            "compute_disk",
            "compute_router",
            "compute_router_nat",
            "storage_bucket",
            "container_cluster",
            "container_node_pool",
            "service_account",
            "project_iam_member",
            "project_service",
        ),
        ("client_config", "compute_zones"),
    ),
)


@dataclass
class Bindings:
    """The TypeScript of one resource: its classes, the HCL kind of its members and the documented blocks."""

    text: str
    classes: dict[str, str] = field(default_factory=dict)
    interfaces: dict[str, str] = field(default_factory=dict)
    hcl: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.classes = pieces(self.text, r"^export class (\w+) extends")
        self.interfaces = pieces(self.text, r"^export interface (\w+)")
        self.hcl = pieces(self.text, r"^export function (\w+)ToHclTerraform\(")

    def struct(self, name: str) -> dict[str, Any]:
        """The block that a class `<name>OutputReference` describes."""
        hcl = self.hcl.get(name[:1].lower() + name[1:], "")
        return self.block(self.classes[f"{name}OutputReference"], self.interfaces.get(name, ""), hcl)

    def block(self, code: str, interface: str, hcl: str) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        documented = set(re.findall(r"^  \* (\w+) block$", interface, re.MULTILINE))
        for name, flags, body in members(code):
            nested = re.search(r"new (\w+?)(OutputReference|List)\(this, \"\w+\"(?:, (true|false))?", body)
            if nested is None or nested[1].startswith("String"):
                attributes[name] = {"type": kind(name, body), **flags}
            elif name in documented:
                blocks[name] = self.nested_block(nested, flags, self.hcl_type(hcl, name))
            else:
                attributes[name] = {"type": self.object_type(nested), **flags}
        return {key: value for key, value in (("attributes", attributes), ("block_types", blocks)) if value}

    def nested_block(self, nested: re.Match[str], flags: dict[str, bool], hcl_type: str) -> dict[str, Any]:
        mode = {"struct": "single", "set": "set"}.get(hcl_type, "list")
        found: dict[str, Any] = {"nesting_mode": mode, "block": self.struct(nested[1])}
        if flags.get("required"):
            found["min_items"] = 1
        if nested[2] == "OutputReference" and mode != "single":
            found["max_items"] = 1
        return found

    def object_type(self, nested: re.Match[str]) -> list[Any]:
        """The type of a list of objects that is an attribute, not a block."""
        block = self.struct(nested[1])
        fields = {name: attribute["type"] for name, attribute in block.get("attributes", {}).items()}
        for name, inner in block.get("block_types", {}).items():
            fields[name] = ["list" if inner["nesting_mode"] == "single" else inner["nesting_mode"], implied(inner)]
        return ["set" if nested[3] == "true" else "list", ["object", dict(sorted(fields.items()))]]

    @staticmethod
    def hcl_type(hcl: str, name: str) -> str:
        found = re.search(rf"^ +{name}: \{{.*?type: \"(\w+)\"", hcl, re.MULTILINE | re.DOTALL)
        return found[1] if found else "list"


def implied(block: dict[str, Any]) -> list[Any]:
    return ["object", {name: attribute["type"] for name, attribute in block["block"]["attributes"].items()}]


def pieces(text: str, start: str) -> dict[str, str]:
    """Top-level declarations by name: from the line that matches to the closing brace in the first column."""
    found = {}
    for match in re.finditer(start, text, re.MULTILINE):
        end = text.find("\n}", match.start())
        found[match[1]] = text[match.start() : end]
    return found


def members(code: str) -> Iterator[tuple[str, dict[str, bool], str]]:
    """Each attribute of a class: name, the flags that are set, and its code."""
    marks = list(FLAGS.finditer(code))
    ends = [mark.start() for mark in marks[1:]] + [len(code)]
    for mark, end in zip(marks, ends, strict=True):
        values = zip(("computed", "optional", "required"), mark.groups()[1:], strict=True)
        yield mark[1], {flag: True for flag, value in values if value == "true"}, code[mark.end() : end]


def kind(name: str, body: str) -> Any:
    for pattern, found in GETTERS:
        if re.search(pattern, body):
            return found
    raise ValueError(f"The type of {name} is not understood:\n{body[:400]}")


def source(package: tarfile.TarFile, folder: str) -> Bindings:
    """The TypeScript below package/lib/<folder>, big resources' extra files included."""
    texts = []
    for entry in package.getmembers():
        if re.fullmatch(rf"package/lib/{folder}(/index-structs)?/\w+\.js", entry.name):
            script = package.extractfile(entry)
            encoded = re.search(
                rb"sourceMappingURL=data:application/json;base64,(\S+)", script.read() if script else b""
            )
            texts.append(json.loads(base64.b64decode(encoded[1]))["sourcesContent"][0] if encoded else "")
    return Bindings("\n".join(texts))


def resource(bindings: Bindings, base: str) -> dict[str, Any]:
    name, code = next(item for item in bindings.classes.items() if f"extends cdktf.{base} " in item[1])
    return {"version": 0, "block": bindings.block(code, bindings.interfaces[f"{name}Config"], code)}


def provider(bindings: Bindings) -> dict[str, Any]:
    """The provider block: its nested blocks have no class, only an interface; `alias` is the bindings' own."""
    name, _code = next(item for item in bindings.classes.items() if "extends cdktf.TerraformProvider " in item[1])
    block = interface_block(bindings, f"{name}Config", name)
    block["attributes"].pop("alias", None)
    return {"version": 0, "block": block}


def interface_block(bindings: Bindings, interface: str, owner: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    pattern = r"docs#(\w+) \S+?\}\n(?:(?!readonly).)*?readonly \w+(\??): ([^;]+);"
    for name, optional, typed in re.findall(pattern, bindings.interfaces[interface], re.DOTALL):
        nested = re.match(rf"({owner}\w+)", typed)
        if nested:
            blocks[name] = {"nesting_mode": "list", "block": interface_block(bindings, nested[1], owner)}
        else:
            attributes[name] = {"type": interface_kind(typed), "optional" if optional else "required": True}
    return {key: value for key, value in (("attributes", attributes), ("block_types", blocks)) if value}


def interface_kind(typed: str) -> Any:
    first = typed.split(" | ", maxsplit=1)[0]
    kinds = {"string": "string", "number": "number", "boolean": "bool"}
    if first.endswith("[]"):
        return ["list", kinds[first[:-2]]]
    return ["map", "string"] if first.startswith("{") else kinds[first]


def overlaid(schemas: dict[str, Any], overlay: dict[str, Any]) -> None:
    for type_, facts in overlay.items():
        if type_ not in schemas:
            continue
        schemas[type_]["version"] = facts.get("version", 0)
        for path in facts.get("sensitive", []):
            at(schemas[type_]["block"], path.split("."), "attributes")["sensitive"] = True
        for path, most in facts.get("max_items", {}).items():
            at(schemas[type_]["block"], path.split("."), "block_types")["max_items"] = most


def at(block: dict[str, Any], path: list[str], last: str) -> dict[str, Any]:
    for name in path[:-1]:
        block = block["block_types"][name]["block"]
    found: dict[str, Any] = block[last][path[-1]]
    return found


def extract(package: Package, folder: Path, overlay: dict[str, Any]) -> dict[str, Any]:
    """The provider's schema in the form of `terraform providers schema -json`.

    Raises ValueError when the package is not the pinned one or the bindings hold something new.
    """
    path = fetched(package, folder)
    if hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
        raise ValueError(f"{path.name} is not the package that is pinned: its SHA-256 differs")
    with tarfile.open(path) as tar:
        dashed = {name: name.replace("_", "-") for name in (*package.resources, *package.data)}
        resources = {
            f"{package.provider}_{name}": resource(source(tar, dashed[name]), "TerraformResource")
            for name in package.resources
        }
        data = {
            f"{package.provider}_{name}": resource(
                source(tar, f"data-{package.provider}-{dashed[name]}"), "TerraformDataSource"
            )
            for name in package.data
        }
        top = provider(source(tar, "provider"))
    overlaid(resources, overlay["resources"])
    overlaid(data, overlay["data"])
    schemas = {"provider": top, "resource_schemas": resources, "data_source_schemas": data}
    return {"format_version": "1.0", "provider_schemas": {package.address: schemas}}


def fetched(package: Package, folder: Path) -> Path:
    path = folder / f"{package.name.lstrip('@').replace('/', '-')}-{package.version}.tgz"
    if not path.exists():
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return path


def compact(schema: dict[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True, separators=(",", ":")) + "\n"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, fail when a file would change")
    arguments.add_argument("--cache", type=Path, help="a folder that keeps the downloaded packages")
    given = arguments.parse_args()
    overlay = json.loads((SCHEMAS / "overlay.json").read_text())
    stale = []
    with tempfile.TemporaryDirectory() as temporary:
        for package in PACKAGES:
            text = compact(extract(package, given.cache or Path(temporary), overlay))
            path = SCHEMAS / f"{package.provider}.json"
            if not path.exists() or path.read_text() != text:
                stale.append(path.name)
                if not given.check:
                    path.write_text(text)
    print(f"{'Stale' if given.check else 'Written'}: {', '.join(stale) or 'nothing'}")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
