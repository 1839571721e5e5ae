"""The machines that something existing could change to: those of its own family, and what each can do.

Another family may have other disks (Azure refuses to move between machines with and without a temporary one), other
network drivers or another kind of processor; within a family only the number changes.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import catalogue, reference
from .models import MachineType, OfferingVersion, Provider

FAMILY = {  # what of a machine's name says its family
    Provider.AWS: re.compile(r"(?P<family>[a-z0-9-]+)\..+"),
    Provider.AZURE: re.compile(r"Standard_(?P<family>[A-Z]+)\d+(?:-\d+)?(?P<version>[a-z]*(?:_v\d+)?)"),
    Provider.GCP: re.compile(r"(?P<family>[a-z0-9]+)-.+"),
}
ALWAYS = 100.0  # percent


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine type can do. ``baseline`` is the percentage of its processors that it can use without end."""

    name: str
    vcpu: float
    memory_gib: float
    baseline: float = ALWAYS

    @property
    def is_shared(self) -> bool:
        return self.baseline < ALWAYS


@dataclass(frozen=True, slots=True)
class Size:
    """A machine, and the input that orders it: ``size`` "small", or ``machine_type`` "t3.small"."""

    field: str
    value: str
    machine: Machine


def current_size(version: OfferingVersion, inputs: Mapping[str, Any]) -> Size | None:
    """The machine that valid ``inputs`` order; None for what has none, or one that is no longer known."""
    return next((size for size in _all(version, inputs) if size.value == inputs[size.field]), None)


def other_sizes(version: OfferingVersion, inputs: Mapping[str, Any]) -> list[Size]:
    """The others of the same family and architecture, in the order of the form, ordered by the same input."""
    current = current_size(version, inputs)
    if current is None:
        return []
    family = family_of(version.offering.provider, current.machine.name)
    return [
        size
        for size in _all(version, inputs)
        if size.value != current.value and family_of(version.offering.provider, size.machine.name) == family
    ]


def family_of(provider: str, name: str) -> tuple[str, ...]:
    """What machines that can change into one another have in common; a name of no known form is a family by itself."""
    found = FAMILY[Provider(provider)].fullmatch(name)
    if found is None:
        return (name,)
    version = re.sub("[ms]", "", found.groupdict().get("version") or "")  # of Azure's B1s and B1ms: not another family
    return found["family"], version


def _all(version: OfferingVersion, inputs: Mapping[str, Any]) -> list[Size]:
    """Every machine that the input in use can order, of the architecture in use."""
    field = next((name for name in ("size", "machine_type") if inputs.get(name)), "")
    if not field:
        return []
    known = {row.name: row for row in MachineType.objects.filter(provider=version.offering.provider)}
    names = {
        choice["const"]: catalogue.resolved(version, {field: choice["const"]}).get("machine_type", "")
        for choice in version.schema["properties"].get(field, {}).get("oneOf", [])
    }
    architecture = known[names[inputs[field]]].arch if names.get(inputs[field]) in known else ""
    return [
        Size(field, value, _machine(known[name]))
        for value, name in names.items()
        if name in known and known[name].arch == architecture
    ]


def _machine(row: MachineType) -> Machine:
    baseline = _baselines().get((row.provider, row.name), ALWAYS)
    return Machine(row.name, float(row.vcpu), float(row.memory_gib), baseline)


@cache
def _baselines() -> dict[tuple[str, str], float]:
    """What shared machines can use without end; data/shared_machines.csv names the source of each."""
    with (reference.DATA / "shared_machines.csv").open(encoding="utf-8", newline="") as file:
        return {(row["provider"], row["name"]): float(row["baseline_percent"]) for row in csv.DictReader(file)}
