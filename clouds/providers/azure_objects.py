"""Azure objects by their tags, for recovery: what did a run that was killed leave behind?

Groups and resources carry tags; subnets and containers do not and are found through what they lie in. What AKS makes
and manages by itself carries the cluster's tags too and is left out: it goes with the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .azure_sdk import Cloud, in_words
from .base import CloudObject

GROUP = "microsoft.resources/resourcegroups"
CHILDREN = {  # where, what they are called, in which version of the API
    "microsoft.network/virtualnetworks": ("/subnets", "microsoft.network/virtualnetworks/subnets", "2024-05-01"),
    "microsoft.storage/storageaccounts": (
        "/blobServices/default/containers",
        "microsoft.storage/storageaccounts/blobservices/containers",
        "2024-01-01",
    ),
}


def find(cloud: Cloud, tags: Mapping[str, str]) -> list[CloudObject]:
    """Every object of the subscription carrying all of ``tags``, sorted by type and id. Raises a ``CloudError``."""
    if not tags:
        raise ValueError("objects are looked for by at least one tag")
    (name, value), *_ = tags.items()
    by_tag = f"tagName eq '{name}' and tagValue eq '{value}'"  # Azure filters by one; the others are compared here
    with in_words():
        groups = [each for each in cloud.client.resource_groups.list(filter=by_tag) if _carries(each, tags)]
        things = [each for each in cloud.client.resources.list(filter=by_tag) if _carries(each, tags)]
    managed = {f"{each.id}/".lower() for each in groups if each.managed_by}
    found = [_object(each, GROUP) for each in groups if not each.managed_by]
    for each in things:
        if not str(each.id).lower().startswith(tuple(managed)):
            thing = _object(each, str(each.type).lower())
            found += [thing, *_children(cloud, thing)]
    return sorted(found, key=lambda each: (each.object_type, each.id))


def _carries(thing: Any, tags: Mapping[str, str]) -> bool:
    return tags.items() <= (thing.tags or {}).items()


def _object(thing: Any, object_type: str) -> CloudObject:
    return CloudObject(object_type=object_type, id=thing.id, arn=thing.id, name=thing.name)


def _children(cloud: Cloud, parent: CloudObject) -> Iterator[CloudObject]:
    if parent.object_type not in CHILDREN:
        return
    below, object_type, version = CHILDREN[parent.object_type]
    for each in cloud.pages(f"{parent.id}{below}", version):
        yield CloudObject(object_type=object_type, id=each["id"], arn=each["id"], name=each["name"])
