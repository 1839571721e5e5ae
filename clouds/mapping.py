"""The same wish on another cloud: what was entered for one provider's offering, in another's words.

Sizes are the same everywhere. A region becomes the other cloud's nearest (regions.toml says which stand in for each
other); an exact machine type one with the same processors and no less memory; what the other cloud does not have at
all is left to its default. Every change is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from . import reference
from .manifest import Manifest
from .models import MachineType, OfferingVersion, Provider


@dataclass(frozen=True, slots=True)
class Translated:
    """``inputs`` for the other offering, and what became of each that changed: "eu-west-1 → westeurope"."""

    inputs: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def translate(version: OfferingVersion, inputs: Mapping[str, Any]) -> Translated:
    """``inputs``, made for any provider's offering of the same kind, as far as ``version`` knows them.

    One query for each value that is not the same there. Values that are no good anywhere pass as they are, for the
    validation to name.
    """
    notes: list[str] = []
    translated: dict[str, Any] = {}
    order = {name: position for position, name in enumerate(version.input_names)}
    for name, value in sorted(inputs.items(), key=lambda pair: order.get(pair[0], len(order))):
        rule = version.schema["properties"].get(name)
        if rule is None and value in (None, "", []):
            continue
        if rule is None:
            if not _is_default(version, name, value):
                notes.append(f"{name.replace('_', ' ').capitalize()} is not asked on this cloud.")
            continue
        kept = _kept(version, name, value, rule, notes)
        if kept is not None:
            translated[name] = kept
    return Translated(translated, notes)


def _kept(version: OfferingVersion, name: str, value: Any, rule: Mapping[str, Any], notes: list[str]) -> Any:
    """The value for ``version``; None to leave it to the default."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and rule["type"] in {"integer", "number"}:
        value = int(value)  # as a form's query holds it
    if _is_number(value) and "minimum" in rule and value < rule["minimum"]:
        notes.append(f"{rule['title']}: {value} → {rule['minimum']}, the least on this cloud.")
        return rule["minimum"]
    choices = [row["const"] for row in rule.get("oneOf", [])]
    if not choices or value in choices:
        return value
    equal = _equal(version, name, value)
    if equal in choices:
        notes.append(f"{rule['title']}: {value} → {equal}")
        return equal
    if _is_known(version, name, value):
        notes.append(f"{rule['title']}: {value} is not to be had on this cloud.")
        return None
    return value


def _equal(version: OfferingVersion, name: str, value: Any) -> Any:
    manifest = Manifest(version.manifest).inputs[name]
    if manifest.choices == "regions":
        return equal_region(version.offering.provider, str(value))
    if manifest.choices == "machine_types":
        return _equal_machine(version.offering.provider, str(value))
    return None


def equal_region(provider: str, region: str) -> str | None:
    """``provider``'s region that stands in for another provider's: of the same area, else of the same geography.

    ``region`` may also be an area or a geography itself. None where there is nothing near.
    """
    asked = next((each for name in Provider.values for each in reference.regions(name) if each.id == region), None)
    area, geography = (asked.area, asked.geography) if asked else (region.lower(), region)
    offered = reference.regions(provider)
    near = [each for each in offered if each.area == area]
    near += [each for each in offered if each.geography.lower() == geography.lower()]
    return near[0].id if near else None


def _equal_machine(provider: str, name: str) -> str | None:
    """As many processors, the least memory that is enough, and the same architecture."""
    asked = MachineType.objects.filter(name=name).first()
    if asked is None:
        return None
    enough = MachineType.objects.filter(
        provider=provider, vcpu=asked.vcpu, memory_gib__gte=asked.memory_gib, arch=asked.arch
    )
    return enough.order_by("memory_gib", "name").values_list("name", flat=True).first()


def _is_known(version: OfferingVersion, name: str, value: Any) -> bool:
    """Whether some other cloud has it; what none has is a mistake, to be named as one."""
    manifest = Manifest(version.manifest).inputs[name]
    if manifest.choices == "regions":
        return any(each.id == value for provider in Provider.values for each in reference.regions(provider))
    if manifest.choices == "machine_types":
        return MachineType.objects.filter(name=value).exists()
    rows = _others(version).values_list(f"schema__properties__{name}__oneOf", flat=True)
    return any(row["const"] == value for found in rows for row in found or [])


def _is_default(version: OfferingVersion, name: str, value: Any) -> bool:
    """Whether some other cloud's form starts with this value: then nobody chose it."""
    defaults = _others(version).values_list(f"schema__properties__{name}__default", flat=True)
    return str(value) in {str(each) for each in defaults if each is not None}


def _others(version: OfferingVersion) -> QuerySet[OfferingVersion]:
    """What is on the shelf of this kind on the other clouds."""
    current = OfferingVersion.objects.filter(offering__kind=version.offering.kind, offering__current__isnull=False)
    return current.exclude(pk=version.pk)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
