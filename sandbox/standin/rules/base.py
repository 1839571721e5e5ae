"""The form of a rule: what a real provider knows of a resource type and its schema does not say."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """Facts about one resource type. Paths are dotted names without positions: `os_disk.storage_account_type`."""

    noun: str  # how error messages call it: "Linux Virtual Machine"
    ids: tuple[str, ...] = (r".+",)  # what `terraform import` accepts, as patterns
    force_new: frozenset[str] = frozenset()  # a change there replaces the resource
    defaults: Mapping[str, Any] = field(default_factory=dict)
    allowed: Mapping[str, frozenset[Any]] = field(default_factory=dict)
    patterns: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # path: (pattern, what is wrong otherwise)
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    exactly_one: tuple[tuple[str, ...], ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()
    computed_blocks: frozenset[str] = frozenset()  # blocks that the cloud fills where the configuration is silent
    normalise: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    refreshed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # change there: these are known later
    labels: str = ""  # Google: the attribute that holds the user's labels
    canonical_id: Callable[[str, Mapping[str, str]], str] = field(default=lambda id_, _scope: id_)

    def is_id(self, id_: str) -> bool:
        return any(re.fullmatch(pattern, id_) for pattern in self.ids)


def paths(*names: str) -> frozenset[str]:
    """Paths from texts of several names: "name location" or "os_disk.{caching,name}"."""
    found: set[str] = set()
    for name in " ".join(names).split():
        braced = re.fullmatch(r"(.*)\{(.+)\}", name)
        found.update(f"{braced[1]}{inner}" for inner in braced[2].split(",")) if braced else found.add(name)
    return frozenset(found)


def one_of(*values: Any) -> frozenset[Any]:
    return frozenset(values)
