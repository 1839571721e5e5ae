"""What a GKE cluster made by itself: forwarding rules with their pools and firewall rules for Services, groups of
endpoints for Ingresses, disks for volumes.

GKE removes its own firewall rules with the cluster; those for Services ("k8s-…") and everything here it removes only if
Kubernetes was asked to before. They cost money, and hold on to our network.

Source: Google, "Internal and external load balancing in GKE": names and descriptions of what its controllers make.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import compute_v1

from .base import CloudObject
from .gcp_objects import CLUSTER_LABEL, clusters, described
from .gcp_sdk import Cloud, in_words

SERVICE, VOLUME = "kubernetes.io/service-name", "kubernetes.io/created-for/pvc/name"
RESOURCE = "skyvend-resource"  # the tag by which our modules mark what they make
ORDER = (  # in which they can be removed
    "compute:forwardingrule",
    "compute:targetpool",
    "compute:address",
    "compute:firewall",
    "compute:networkendpointgroup",
    "compute:disk",
)
CLIENTS: dict[str, tuple[type[Any], str, str]] = {  # client, what its list is called, the argument for its name
    "compute:instance": (compute_v1.InstancesClient, "instances", "instance"),
    "compute:forwardingrule": (compute_v1.ForwardingRulesClient, "forwarding_rules", "forwarding_rule"),
    "compute:targetpool": (compute_v1.TargetPoolsClient, "target_pools", "target_pool"),
    "compute:address": (compute_v1.AddressesClient, "addresses", "address"),
    "compute:firewall": (compute_v1.FirewallsClient, "", "firewall"),
    "compute:networkendpointgroup": (
        compute_v1.NetworkEndpointGroupsClient,
        "network_endpoint_groups",
        "network_endpoint_group",
    ),
    "compute:disk": (compute_v1.DisksClient, "disks", "disk"),
}


def find(cloud: Cloud, region: str, cluster: str) -> list[CloudObject]:
    """In the order in which they can be removed. Raises a ``CloudError``; a cluster that is gone has none."""
    with in_words():
        of_name = [each for each in clusters(cloud) if each["name"] == cluster]
        found = [thing for each in of_name for thing in _made_by(cloud, each)]
    return sorted(found, key=lambda each: (ORDER.index(each.object_type), each.id))


def remove(cloud: Cloud, found: CloudObject) -> None:
    """Ask for its deletion; it ends some time later. Raises a ``CloudError``; one that is gone already is fine."""
    kind, _, argument = CLIENTS[found.object_type]
    parts = found.id.split("/")  # projects/p/zones/z/disks/d
    where = {parts[2].rstrip("s"): parts[3]} if parts[2] != "global" else {}
    with in_words():
        try:
            cloud.client(kind).delete(project=parts[1], **where, **{argument: parts[-1]})
        except NotFound:
            return


def _made_by(cloud: Cloud, cluster: dict[str, Any]) -> Iterator[CloudObject]:
    """Balancers are known by the machines behind them, volumes by their label, the rest by its network, if that is the
    cluster's own: in a shared one it may be another cluster's.
    """
    name = cluster["name"]
    nodes = {each.self_link for each in _listed(cloud, "compute:instance") if each.labels.get(CLUSTER_LABEL) == name}
    pools = {each.self_link: each.name for each in _listed(cloud, "compute:targetpool") if nodes & {*each.instances}}
    network = cluster.get("network", "") if _has_own_network(cloud, cluster) else ""
    names = {*pools.values()}
    tests: dict[str, Callable[[Any], bool]] = {
        "compute:targetpool": lambda each: each.self_link in pools,
        "compute:forwardingrule": lambda each: each.target in pools,
        "compute:address": lambda each: each.name in names and SERVICE in _described(each),
        "compute:firewall": lambda each: (
            each.name.removeprefix("k8s-fw-") in names or (_is_of(each, network) and each.name.startswith("k8s-"))
        ),
        "compute:networkendpointgroup": lambda each: _is_of(each, network) and SERVICE in _described(each),
        "compute:disk": lambda each: each.labels.get(CLUSTER_LABEL) == name and VOLUME in _described(each),
    }
    for object_type, is_its in tests.items():
        yield from (_object(object_type, each) for each in _listed(cloud, object_type) if is_its(each))


def _has_own_network(cloud: Cloud, cluster: dict[str, Any]) -> bool:
    """Whether cluster and network were made as the same resource of ours."""
    try:
        found = cloud.client(compute_v1.NetworksClient).get(project=cloud.project_id, network=cluster.get("network"))
    except NotFound:
        return False
    resource = described(found.description).get(RESOURCE)
    return resource is not None and resource == cluster.get("resourceLabels", {}).get(RESOURCE)


def _listed(cloud: Cloud, object_type: str) -> Iterator[Any]:
    kind, name, _ = CLIENTS[object_type]
    client: Any = cloud.client(kind)
    if not name:  # global
        yield from client.list(project=cloud.project_id)
        return
    for _, found in client.aggregated_list(project=cloud.project_id):
        yield from getattr(found, name)


def _described(found: Any) -> dict[str, Any]:
    """Kubernetes writes JSON into the descriptions of what it makes."""
    try:
        said = json.loads(found.description)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _is_of(found: Any, network: str) -> bool:
    return bool(network) and found.network.rpartition("/")[2] == network


def _object(object_type: str, found: Any) -> CloudObject:
    return CloudObject(object_type, found.self_link.partition("/compute/v1/")[2], found.self_link, found.name)
