"""Azure's types: where each lies, what its actions are called, what the cloud computes for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.simulated.store import Object, Store

Attributes = dict[str, Any]
# (store, id, attributes as asked, the object before or None) -> what the cloud fills in
Compute = Callable[[Store, str, Attributes, Object | None], Attributes]


def nothing(_store: Store, _id: str, _attributes: Attributes, _before: Object | None) -> Attributes:
    return {}


@dataclass(frozen=True)
class Kind:
    """One type. ``arm`` is Resource Manager's type; ``place`` is the id, with attributes in braces."""

    arm: str
    place: str = ""  # default: in the resource group, by name
    compute: Compute = nothing
    has_group: bool = True

    def id_of(self, attributes: Attributes, subscription: str) -> str:
        template = self.place or "{group}/providers/" + self.arm + "/{name}"
        group = f"/subscriptions/{subscription}/resourceGroups/{attributes.get('resource_group_name', '')}"
        return template.format_map({**attributes, "group": group, "subscription": subscription})

    def action(self, operation: str) -> str:
        """The permission an operation needs: Microsoft.Compute/virtualMachines/write."""
        return f"{self.arm}/{'delete' if operation == 'delete' else 'write'}"
