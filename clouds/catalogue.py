"""The catalogue: released module directories as rows, and what a version means for price, Terraform and recovery."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import prod
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from jsonschema import Draft202012Validator

from . import reference
from .manifest import FILE, PLATFORM_VARIABLES, InvalidManifest, Manifest, check_manifest, read_manifest
from .models import Kind, Offering, OfferingVersion, Provider
from .module_files import Module, UnreadableModule, read_module
from .schemas import build_schema

VERSION = re.compile(r"\d{1,5}\.\d{1,5}\.\d{1,5}")
SUFFIX_LENGTH = 8
COMPACT_LENGTH = 24


class CatalogueError(Exception):
    """A module directory cannot be put on the shelf; the message says which and why."""


@dataclass(frozen=True, slots=True)
class PriceItem:
    """What to price; ``quantity`` in the unit of the sku's price (1 = always on, GB for storage)."""

    label: str
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OutputSpec:
    name: str
    label: str
    is_sensitive: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class Adoption:
    """A tagged cloud object of ``object_type`` is the module's ``address``; ``import_by`` is "id" or "name".

    ``untagged_name`` is what the object is called where it is tagged only after its making, else "".
    """

    object_type: str
    address: str
    import_by: str = "id"
    untagged_name: str = ""


@transaction.atomic
def load(directory: Path) -> list[OfferingVersion]:
    """Put every ``<provider>/<kind>/<version>/`` below ``directory`` on the shelf, the newest version as current.

    Repeating it changes nothing. Raises :class:`CatalogueError`, and then nothing is written: for a module whose files
    and offering.toml do not agree, and for a released version that has changed since it was loaded.
    """
    reference.load_machine_types()
    found = sorted(directory.glob(f"*/*/*/{FILE}"), key=lambda path: _sort_key(path.parent))
    if not found:
        raise CatalogueError(f"{directory} holds no <provider>/<kind>/<version>/{FILE}.")
    versions = [_load_version(path.parent) for path in found]
    newest = {version.offering_id: version for version in versions}  # ascending: the last of each offering stays
    for version in newest.values():
        Offering.objects.filter(pk=version.offering_id).exclude(current=version).update(current=version)
    return versions


def price_items(version: OfferingVersion, inputs: Mapping[str, Any]) -> list[PriceItem]:
    """What the valid ``inputs`` will be charged for, line by line."""
    values = resolved(version, inputs)
    lines = [line for line in Manifest(version.manifest).prices if not line.when or values.get(line.when)]
    return [
        PriceItem(
            label=line.label.format_map(values),
            sku=line.sku.format_map(values),
            quantity=prod((_factor(factor, values) for factor in line.factors), start=Decimal(1)),
        )
        for line in lines
    ]


def _factor(factor: float | str, values: Mapping[str, Any]) -> Decimal:
    return Decimal(str(values[factor] if isinstance(factor, str) else factor))


def terraform_variables(
    version: OfferingVersion, inputs: Mapping[str, Any], *, name: str, resource_id: UUID | str, tags: Mapping[str, str]
) -> dict[str, Any]:
    """The module's variables for one resource: its valid ``inputs`` and what the platform adds."""
    manifest = Manifest(version.manifest)
    given = {
        manifest.inputs[key].terraform_name: value
        for key, value in inputs.items()
        if not manifest.inputs[key].price_only
    }
    platform = {"name": name, "tags": dict(tags), "unique_suffix": unique_suffix(resource_id)}
    return given | {key: platform[key] for key in version.manifest["platform_variables"]}


def unique_suffix(resource_id: UUID | str) -> str:
    """Eight characters of the resource's id: what keeps names apart that are unique in the whole world."""
    return str(resource_id).replace("-", "")[:SUFFIX_LENGTH]


@dataclass(frozen=True, slots=True)
class GlobalName:
    """A name unique in the whole world, as it will be: ``label`` "Storage account", ``value`` "logs3f2a9c1b"."""

    label: str
    value: str


def global_name(version: OfferingVersion, *, name: str, resource_id: UUID | str) -> GlobalName | None:
    """What the module will call the thing in its cloud's global namespace; None where it needs no such name.

    ``style`` of the manifest's ``[global_name]`` says how the module puts it together; tests hold both to each other.
    """
    rule = version.manifest.get("global_name")
    if rule is None:
        return None
    suffix = unique_suffix(resource_id)
    if rule["style"] == "compact":  # storage accounts: at most 24 letters and digits
        return GlobalName(rule["label"], name.replace("-", "")[: COMPACT_LENGTH - SUFFIX_LENGTH] + suffix)
    return GlobalName(rule["label"], f"{name}-{suffix}")


def output_specs(version: OfferingVersion) -> list[OutputSpec]:
    """The outputs to show, in the order to show them. What Terraform outputs beside them is nobody's business."""
    return [
        OutputSpec(row["name"], row["label"], bool(row.get("sensitive")), bool(row.get("link")))
        for row in version.manifest["output"]
    ]


def adoptions(version: OfferingVersion, *, name: str, resource_id: UUID | str) -> list[Adoption]:
    """Which cloud objects are which Terraform addresses, for import after a crash; with the names of one resource."""
    names = {"name": name, "unique_suffix": unique_suffix(resource_id)}
    offered = [Adoption(**row) for row in version.manifest["adopt"]]
    return [replace(each, untagged_name=each.untagged_name.format(**names)) for each in offered]


def resolved(version: OfferingVersion, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """``inputs`` with what the chosen rows provide: {"size": "small"} gains {"machine_type": "t3.small"}."""
    values = dict(inputs)
    for name, one in Manifest(version.manifest).inputs.items():
        if one.provides and name in inputs:
            choice = chosen(version, name, inputs[name])
            values.setdefault(one.provides, choice.get(one.provides))
    return values


def chosen(version: OfferingVersion, name: str, value: Any) -> dict[str, Any]:
    """The row of input ``name``'s choices that ``value`` picks, with its annotations; {} where there is none."""
    rows: list[dict[str, Any]] = version.schema["properties"].get(name, {}).get("oneOf", [])
    return next((row for row in rows if row["const"] == value), {})


def _load_version(directory: Path) -> OfferingVersion:
    provider, kind, number = directory.parts[-3:]
    name = f"{provider}/{kind}/{number}"
    if provider not in Provider.values or kind not in Kind.values or not VERSION.fullmatch(number):
        raise CatalogueError(f"{name}: a module lies in <provider>/<kind>/<major.minor.patch>/.")
    try:
        manifest, module = read_manifest(directory), read_module(directory)
        check_manifest(manifest, module)
    except (InvalidManifest, UnreadableModule) as error:
        raise CatalogueError(f"{name}: {error}.") from error
    schema = build_schema(manifest, module, provider=provider)
    _check_defaults(name, schema)
    offering, _ = Offering.objects.get_or_create(pk=f"{provider}/{kind}", defaults={"provider": provider, "kind": kind})
    return _write(offering, number, manifest, module, schema)


def _write(
    offering: Offering, number: str, manifest: Manifest, module: Module, schema: dict[str, Any]
) -> OfferingVersion:
    """Insert the version; of one that is there only what we derive may change, such as regions and machine types."""
    taken = [name for name in PLATFORM_VARIABLES if name in module.variables]
    derived = {"manifest": {**manifest.stored, "platform_variables": taken}, "schema": schema}
    row, is_new = OfferingVersion.objects.select_related("offering").get_or_create(
        offering=offering,
        version=number,
        defaults={
            "content_hash": module.content_hash,
            "title": manifest.raw["title"],
            "summary": manifest.raw.get("summary", ""),
            **derived,
        },
    )
    if not is_new and row.content_hash != module.content_hash:
        raise CatalogueError(
            f"{offering.pk}/{number}: a released version never changes, but its files are not those that were loaded "
            f"on {row.loaded_at:%Y-%m-%d}. Restore them and put the change into a new version's directory."
        )
    if (row.manifest, row.schema) != (derived["manifest"], schema):
        OfferingVersion.objects.filter(pk=row.pk).update(**derived)
        row.manifest, row.schema = derived["manifest"], schema
    return row


def _check_defaults(name: str, schema: dict[str, Any]) -> None:
    for key, rule in schema["properties"].items():
        if "default" in rule and not Draft202012Validator(rule).is_valid(rule["default"]):
            raise CatalogueError(f'{name}: the default of "{key}" is not one of its valid values.')


def _sort_key(directory: Path) -> tuple[str, str, tuple[int, ...]]:
    provider, kind, number = directory.parts[-3:]
    return provider, kind, tuple(int(part) for part in number.split(".")) if VERSION.fullmatch(number) else ()
