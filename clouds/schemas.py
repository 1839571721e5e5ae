"""The JSON Schema (2020-12) of a module version's inputs, from variables.tf, offering.toml and the reference tables.

Beside the standard words, every choice carries what the platform knows of it (``geography``, ``arch``, the value it
provides for another input), and every property ``unit``: annotations a validator ignores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import reference
from .manifest import TYPES, Input, Manifest
from .models import MachineType
from .module_files import Module

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CIDR_PATTERN = r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"
MAX_LENGTH = 200  # of a text input that says nothing else
MAX_ITEMS = 100

Choice = dict[str, Any]  # const, title and annotations


def build_schema(manifest: Manifest, module: Module, *, provider: str) -> dict[str, Any]:
    """The schema of the inputs of one version. Reads the machine types table."""
    types = list(MachineType.objects.filter(provider=provider))
    properties = {
        name: _property(one, module, _choices(one, module, provider, types)) for name, one in manifest.inputs.items()
    }
    alternatives = {name for pair in manifest.replacements for name in pair}
    required = [
        name
        for name, one in manifest.inputs.items()
        if name not in alternatives and not one.price_only and module.variables[one.terraform_name].is_required
    ]
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": manifest.raw["title"],
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    if alternatives:
        pairs = [{"oneOf": [{"required": [name]}, {"required": [other]}]} for name, other in manifest.replacements]
        schema["allOf"] = pairs
    return schema


def _property(one: Input, module: Module, choices: list[Choice] | None) -> dict[str, Any]:
    variable = None if one.price_only else module.variables[one.terraform_name]
    kind = one.type or TYPES[variable.type if variable else "string"]
    default = one.default if variable is None else variable.default
    found = {"type": kind, "title": one.label, "description": one.help, "unit": one.unit, "default": default}
    found |= {"minimum": one.minimum, "maximum": one.maximum, "oneOf": choices}
    if kind == "array":
        found |= {"items": _text(one), "maxItems": one.max_items or MAX_ITEMS}
    elif kind == "string" and choices is None:
        found |= _text(one)
    return {key: value for key, value in found.items() if value is not None and value != ""} | (
        {"default": default} if default is not None else {}
    )


def _text(one: Input) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "maxLength": one.max_length or MAX_LENGTH}
    if one.format:
        text["format"] = one.format
    if one.format == "cidr":
        text["pattern"] = CIDR_PATTERN
    return text


def _choices(one: Input, module: Module, provider: str, types: Iterable[MachineType]) -> list[Choice] | None:
    if one.choices is None:
        return None
    if isinstance(one.choices, list):
        return [{"const": row["value"], "title": row["title"]} for row in one.choices]
    if one.choices == "regions":
        return [
            {"const": region.id, "title": f"{region.title} · {region.id}", "geography": region.geography}
            for region in reference.regions(provider)
        ]
    if one.choices == "machine_types":
        return [_machine_type(row) for row in types]
    arch = {row.name: [row.arch] for row in types}
    return [_row(value, row, one, arch) for value, row in module.tables[one.choices].items()]


def _machine_type(row: MachineType) -> Choice:
    title = f"{row.name} · {_capacity(row.vcpu, row.memory_gib)}{' · ARM' if row.arch == 'arm64' else ''}"
    return {"const": row.name, "title": title, "arch": [row.arch]}


def _row(value: str, row: Mapping[str, Any], one: Input, arch: Mapping[str, list[str]]) -> Choice:
    """A row of one of the module's own tables. A machine type it provides lends it its architecture."""
    title = str(row.get("title", value))
    if "vcpu" in row and "memory_gib" in row:
        title = f"{title} · {_capacity(row['vcpu'], row['memory_gib'])}"
    choice: Choice = {"const": value, "title": title}
    if one.provides:
        choice[one.provides] = row[one.provides]
    found = row.get("arch") or arch.get(str(row.get("machine_type")))
    return choice | ({"arch": found} if found else {})


def _capacity(vcpu: Any, memory_gib: Any) -> str:
    return f"{float(vcpu):g} vCPU, {float(memory_gib):g} GiB"
