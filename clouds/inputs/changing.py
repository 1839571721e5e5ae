"""What a change of inputs means for something that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clouds.manifest import Input, Manifest
from clouds.models import OfferingVersion

from .validation import version_defaults


@dataclass(frozen=True, slots=True)
class Change:
    """One input that differs. ``effect`` says in a sentence what the change does to what exists; it may be ""."""

    field: str
    label: str
    old: Any
    new: Any
    in_place: bool
    effect: str = ""


def changes(version: OfferingVersion, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What differs between two valid sets of inputs, in the order of the form."""
    defaults = version_defaults(version)
    inputs = Manifest(version.manifest).inputs
    pairs = {name: (old.get(name, defaults.get(name)), new.get(name, defaults.get(name))) for name in inputs}
    return [
        Change(name, inputs[name].label, before, after, _is_in_place(inputs[name], before, after), inputs[name].effect)
        for name, (before, after) in pairs.items()
        if before != after
    ]


def _is_in_place(one: Input, before: Any, after: Any) -> bool:
    if one.in_place == "grow":
        return before is None or after is None or bool(after > before)
    return one.in_place
