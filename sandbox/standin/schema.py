"""The recorded schemas: loaded for one provider, as protocol messages, and values brought into their shape."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .proto import pb
from .values import UNKNOWN

FOLDER = Path(__file__).resolve().parent / "schemas"
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


class Misfit(ValueError):
    """A value has not the type that the schema gives it."""


@dataclass(frozen=True)
class Provider:
    """One provider's schemas in the form of `terraform providers schema -json`."""

    name: str

    @cached_property
    def content(self) -> dict[str, Any]:
        document = json.loads((FOLDER / f"{self.name}.json").read_text())
        found: dict[str, Any] = document["provider_schemas"][f"registry.terraform.io/hashicorp/{self.name}"]
        return found

    @property
    def config(self) -> dict[str, Any]:
        block: dict[str, Any] = self.content["provider"]["block"]
        return block

    def resource(self, type_: str) -> dict[str, Any]:
        block: dict[str, Any] = self.content["resource_schemas"][type_]["block"]
        return block

    def data(self, type_: str) -> dict[str, Any]:
        block: dict[str, Any] = self.content["data_source_schemas"][type_]["block"]
        return block

    def message(self) -> Any:
        """The GetProviderSchema response."""
        response = pb.GetProviderSchema.Response()
        _fill(response.provider, self.content["provider"])
        for type_, schema in self.content["resource_schemas"].items():
            _fill(response.resource_schemas[type_], schema)
        for type_, schema in self.content["data_source_schemas"].items():
            _fill(response.data_source_schemas[type_], schema)
        return response


def _fill(message: Any, schema: dict[str, Any]) -> None:
    message.version = schema["version"]
    _fill_block(message.block, schema["block"])


def _fill_block(message: Any, block: dict[str, Any]) -> None:
    for name, attribute in block.get("attributes", {}).items():
        flags = {key: value for key, value in attribute.items() if key != "type"}
        message.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
    for name, nested in block.get("block_types", {}).items():
        limits = {key: nested[key] for key in ("min_items", "max_items") if key in nested}
        added = message.block_types.add(type_name=name, nesting=NESTING[nested["nesting_mode"]], **limits)
        _fill_block(added.block, nested["block"])


def conform(block: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """An object with exactly the block's attributes: null where nothing is given, [] for absent blocks.

    Raises Misfit when something has another type.
    """
    result: dict[str, Any] = {}
    for name, attribute in block.get("attributes", {}).items():
        result[name] = fit(attribute["type"], value.get(name), name)
    for name, nested in block.get("block_types", {}).items():
        result[name] = _fit_block(nested, value.get(name), name)
    return result


def _fit_block(nested: dict[str, Any], value: Any, name: str) -> Any:
    if value is UNKNOWN:
        return value
    if nested["nesting_mode"] == "single":
        return None if value is None else conform(nested["block"], value)
    elements = [value] if isinstance(value, dict) else value or []
    if not isinstance(elements, list):
        raise Misfit(f"{name}: a list of blocks is needed, not {value!r}")
    return [element if element is UNKNOWN else conform(nested["block"], element) for element in elements]


def fit(type_: Any, value: Any, name: str) -> Any:
    """The value as its Terraform type, with the harmless conversions that Terraform itself makes."""
    if value is None or value is UNKNOWN:
        return value
    if isinstance(type_, str):
        return _fit_simple(type_, value, name)
    kind, inner = type_
    if kind == "object":
        return {key: fit(inner[key], value.get(key), f"{name}.{key}") for key in inner}
    if kind == "map":
        return {key: fit(inner, item, f"{name}[{key}]") for key, item in value.items()}
    if not isinstance(value, list):
        raise Misfit(f"{name}: a {kind} is needed, not {value!r}")
    return [fit(inner, item, name) for item in value]


def _fit_simple(type_: str, value: Any, name: str) -> Any:
    if type_ == "string" and isinstance(value, bool):
        return str(value).lower()
    if type_ == "string" and isinstance(value, str | int | float):
        return str(value)
    if type_ == "bool" and (isinstance(value, bool) or value in {"true", "false"}):
        return value is True or value == "true"
    if type_ == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if type_ == "number" and isinstance(value, str):
        return float(value) if any(sign in value for sign in ".eE") else int(value)
    raise Misfit(f"{name}: a {type_} is needed, not {value!r}")
