"""What an AKS cluster made by itself, in the group of nodes that AKS manages for it.

Load balancers and their addresses come from Services, disks from volumes, network cards from internal load balancers.
The group goes with the cluster, but what is in it may hold on to our subnet, and takes the long way round.
"""

from __future__ import annotations

from .azure_sdk import Cloud, in_words
from .base import CloudObject

CLUSTERS = "Microsoft.ContainerService/managedClusters"
VERSION = {  # type, in the order in which they can be removed: the version of its API
    "microsoft.network/loadbalancers": "2024-05-01",
    "microsoft.network/networkinterfaces": "2024-05-01",
    "microsoft.network/publicipaddresses": "2024-05-01",
    "microsoft.compute/disks": "2024-03-02",
}
MARKS = ("k8s-azure-", "kubernetes.io-created-for-")  # beginnings of the tags that the cluster's controllers put


def find(cloud: Cloud, cluster: str) -> list[CloudObject]:
    """In the order in which they can be removed. Raises a ``CloudError``; a cluster that is gone has none."""
    with in_words():
        by_type = f"resourceType eq '{CLUSTERS}'"
        ids = [
            str(each.id) for each in cloud.client.resources.list(filter=by_type) if each.name == cluster and _is(each)
        ]
    found: list[CloudObject] = []
    for id_ in ids:
        group = cloud.get(id_, "2024-09-01")["properties"]["nodeResourceGroup"]
        with in_words():
            things = list(cloud.client.resources.list_by_resource_group(group))
        ours = [each for each in things if _is_the_clusters(each.tags or {})]
        found += [CloudObject(str(each.type).lower(), str(each.id), str(each.id), str(each.name)) for each in ours]
    found = [each for each in found if each.object_type in VERSION]
    return sorted(found, key=lambda each: list(VERSION).index(each.object_type))


def remove(cloud: Cloud, found: CloudObject) -> None:
    """Ask for its deletion; it ends some time later. Raises a ``CloudError``."""
    with in_words():
        cloud.client.resources.begin_delete_by_id(found.id, api_version=VERSION[found.object_type], polling=False)


def _is(resource: object) -> bool:
    return str(getattr(resource, "type", "")).lower() == CLUSTERS.lower()


def _is_the_clusters(tags: dict[str, str]) -> bool:
    """AKS's own load balancer, for the way out, carries none of these and goes with the cluster."""
    return any(name.startswith(MARKS) for name in tags)
