"""What a cluster makes by itself, in its group of nodes: a load balancer with its address, a volume, and a network card
in its subnet, as an internal load balancer leaves one.
"""

from __future__ import annotations

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

TYPES = {  # our type: Resource Manager's
    "aks:load_balancer": "Microsoft.Network/loadBalancers",
    "aks:public_ip": "Microsoft.Network/publicIPAddresses",
    "aks:disk": "Microsoft.Compute/disks",
    "aks:network_interface": "Microsoft.Network/networkInterfaces",
}


def plant(store: Store, cluster: str) -> list[str]:
    """Make them for the cluster of this name; the ids. They keep its subnet from being deleted."""
    found = next((each for each in store.find("azurerm_kubernetes_cluster") if each.name == cluster), None)
    if found is None:
        raise CloudFault(404, "NotFound", f"There is no cluster {cluster}.")
    group = found.attributes["node_resource_group_id"]
    subnet = found.attributes["default_node_pool"][0].get("vnet_subnet_id")
    number = store.counter("leftover")
    names = {
        "aks:load_balancer": f"kubernetes-internal-{number}",
        "aks:public_ip": f"kubernetes-{number:04x}",
        "aks:disk": f"pvc-{number:04x}",
        "aks:network_interface": f"kubernetes-{number:04x}-nic",
    }
    return [
        _made(store, kind, f"{group}/providers/{TYPES[kind]}/{name}", found, subnet) for kind, name in names.items()
    ]


def _made(store: Store, kind: str, id_: str, cluster: Object, subnet: str | None) -> str:
    uses = subnet if kind in {"aks:load_balancer", "aks:network_interface"} else None
    tags = {"k8s-azure-cluster-name": cluster.name}
    if kind == "aks:disk":
        tags["kubernetes.io-created-for-pvc-name"] = "data"
    attributes = {"name": id_.rpartition("/")[2], "uses": uses}
    store.put(
        Object(kind, id_, attributes["name"] or "", cluster.scope, cluster.region, tags=tags, attributes=attributes)
    )
    return id_
