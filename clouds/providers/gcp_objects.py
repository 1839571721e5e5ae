"""Google's objects by their labels, for recovery: what did a run that was killed leave behind?

Networks, subnetworks, firewall rules, routers and service accounts bear no labels: our modules write the same pairs
into their descriptions ("skyvend-resource=…;skyvend-organization=…"). Pools of nodes and NATs are found in what they
lie in. Machines and disks of a cluster bear its labels too and are left out: they go with it. Ids are what
`terraform import` takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.cloud import compute_v1
from google.cloud.storage import Client as StorageClient

from .base import CloudObject
from .gcp_sdk import Cloud, in_words

CLUSTER_LABEL = "goog-k8s-cluster-name"  # on what GKE makes for a cluster
BY_REGION: dict[
    str, tuple[type[Any], str]
] = {  # our type: the client that lists it everywhere, what the list is called
    "compute:address": (compute_v1.AddressesClient, "addresses"),
    "compute:disk": (compute_v1.DisksClient, "disks"),
    "compute:instance": (compute_v1.InstancesClient, "instances"),
    "compute:router": (compute_v1.RoutersClient, "routers"),
    "compute:subnetwork": (compute_v1.SubnetworksClient, "subnetworks"),
}
GLOBAL: dict[str, type[Any]] = {
    "compute:firewall": compute_v1.FirewallsClient,
    "compute:network": compute_v1.NetworksClient,
}


def find(cloud: Cloud, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
    """Every object in ``region``, or of the whole project, carrying all of ``tags``. Raises a ``CloudError``."""
    if not tags:
        raise ValueError("objects are looked for by at least one tag")
    with in_words():
        found = [
            *_of_regions(cloud, region, tags),
            *_global(cloud, tags),
            *_buckets(cloud, tags),
            *_clusters(cloud, region, tags),
            *_service_accounts(cloud, tags),
        ]
    return sorted(found, key=lambda each: (each.object_type, each.id))


def _of_regions(cloud: Cloud, region: str, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    for object_type, (kind, name) in BY_REGION.items():
        for place, found in cloud.client(kind).aggregated_list(project=cloud.project_id):
            if _is_in(place.rpartition("/")[2], region):
                for each in getattr(found, name):
                    if _carries(each, tags):
                        yield _compute_object(object_type, each)
                        yield from _nats(cloud, object_type, each)


def _nats(cloud: Cloud, object_type: str, router: Any) -> Iterator[CloudObject]:
    """Imported as project/region/router/name."""
    if object_type == "compute:router":
        for nat in router.nats:
            id_ = f"{cloud.project_id}/{router.region.rpartition('/')[2]}/{router.name}/{nat.name}"
            yield CloudObject("compute:routernat", id_, id_, nat.name)


def _global(cloud: Cloud, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    for object_type, kind in GLOBAL.items():
        for each in cloud.client(kind).list(project=cloud.project_id):
            if _carries(each, tags):
                yield _compute_object(object_type, each)


def _compute_object(object_type: str, found: Any) -> CloudObject:
    id_ = found.self_link.partition("/compute/v1/")[2]
    return CloudObject(object_type, id_, found.self_link, found.name)


def _buckets(cloud: Cloud, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    options = {"api_endpoint": cloud.endpoint} if cloud.endpoint else {}
    client = StorageClient(project=cloud.project_id, credentials=cloud.credentials, client_options=options)
    for each in client.list_buckets():
        if tags.items() <= each.labels.items():
            yield CloudObject("storage:bucket", each.name, f"//storage.googleapis.com/{each.name}", each.name)


def _clusters(cloud: Cloud, region: str, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    """The cluster, then its pools."""
    for each in clusters(cloud):
        if _is_in(each["location"], region) and tags.items() <= each.get("resourceLabels", {}).items():
            id_ = f"projects/{cloud.project_id}/locations/{each['location']}/clusters/{each['name']}"
            yield CloudObject("container:cluster", id_, each["selfLink"], each["name"])
            for pool in each.get("nodePools", []):
                pool_id = f"{cloud.project_id}/{each['location']}/{each['name']}/{pool['name']}"
                yield CloudObject("container:nodepool", pool_id, pool_id, pool["name"])


def clusters(cloud: Cloud) -> list[dict[str, Any]]:
    """Every cluster of the project, as the Kubernetes Engine API shows it."""
    found: list[dict[str, Any]] = cloud.get("container", f"/v1/projects/{cloud.project_id}/locations/-/clusters").get(
        "clusters", []
    )
    return found


def _service_accounts(cloud: Cloud, tags: Mapping[str, str]) -> Iterator[CloudObject]:
    for each in cloud.pages("iam", f"/v1/projects/{cloud.project_id}/serviceAccounts", "accounts", pageSize="100"):
        if tags.items() <= described(each.get("description", "")).items():
            yield CloudObject("iam:serviceaccount", each["name"], each["name"], each["email"])


def _carries(found: Any, tags: Mapping[str, str]) -> bool:
    labels = dict(getattr(found, "labels", None) or {})
    return CLUSTER_LABEL not in labels and tags.items() <= {**described(found.description), **labels}.items()


def described(text: str) -> dict[str, str]:
    """The pairs in a description: "skyvend-resource=1;skyvend-organization=2"."""
    return dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)


def _is_in(place: str, region: str) -> bool:
    """Whether a region, or a zone, is the region or one of its zones. Without a region: anywhere."""
    return not region or place == region or place.startswith(f"{region}-")
