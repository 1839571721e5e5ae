"""What a cluster makes by itself: a forwarding rule with its pool of targets and its firewall, an address, a volume.

The firewall and the rule keep the cluster's network from being deleted, as the real ones do.
"""

from __future__ import annotations

import json

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from .kinds import canonical, link, scope_of
from .network import NETWORK

COLLECTIONS = {  # our type: Compute Engine's collection
    "gke:instance": "instances",  # a node; made with its pool
    "gke:forwarding_rule": "forwardingRules",
    "gke:target_pool": "targetPools",
    "gke:address": "addresses",
    "gke:firewall": "firewalls",
    "gke:network_endpoint_group": "networkEndpointGroups",
    "gke:disk": "disks",
}


def plant(store: Store, cluster: str) -> list[str]:
    """Make them for the cluster of this name; their ids."""
    found = next((each for each in store.find("google_container_cluster") if each.name == cluster), None)
    if found is None:
        raise CloudFault(404, "notFound", f"There is no cluster {cluster}.")
    place = scope_of(found.id)["location"]
    region, zone = (place.rpartition("-")[0], place) if place.count("-") > 1 else (place, f"{place}-b")
    number = f"{store.counter('leftover'):04x}"
    regional, zonal = f"projects/{found.scope}/regions/{region}", f"projects/{found.scope}/zones/{zone}"
    names = {
        "gke:forwarding_rule": f"{regional}/forwardingRules/a{number}",
        "gke:target_pool": f"{regional}/targetPools/a{number}",
        "gke:address": f"{regional}/addresses/a{number}",
        "gke:firewall": f"projects/{found.scope}/global/firewalls/k8s-fw-a{number}",
        "gke:network_endpoint_group": f"{zonal}/networkEndpointGroups/k8s1-{number}",
        "gke:disk": f"{zonal}/disks/pvc-{number}",
    }
    return [_made(store, kind, id_, found, names) for kind, id_ in names.items()]


def _made(store: Store, kind: str, id_: str, cluster: Object, names: dict[str, str]) -> str:
    network = canonical(cluster.attributes.get("network") or "default", NETWORK, scope_of(cluster.id))
    service = json.dumps({"kubernetes.io/service-name": "default/web"})
    volume = json.dumps({"kubernetes.io/created-for/pvc/name": "data", "storage.gke.io/created-by": "pd.csi"})
    tags = {"goog-k8s-cluster-name": cluster.name, "goog-gke-volume": ""} if kind == "gke:disk" else {}
    pools = store.find("google_container_node_pool", parent=cluster.id)
    nodes = [node.id for pool in pools for node in store.find("gke:instance", parent=pool.id)]
    attributes = {
        "description": volume if kind == "gke:disk" else service,
        "network": network if kind in {"gke:firewall", "gke:network_endpoint_group"} else "",
        "uses": [network] if kind in {"gke:firewall", "gke:network_endpoint_group"} else [],
        "target": names["gke:target_pool"],
        "instances": [link(node) for node in nodes],
        "targetTags": [f"gke-{cluster.name[:20]}-{id_[-4:]}-node"],
    }
    name = id_.rpartition("/")[2]
    store.put(Object(kind, id_, name, cluster.scope, cluster.region, tags=tags, attributes=attributes))
    return id_
