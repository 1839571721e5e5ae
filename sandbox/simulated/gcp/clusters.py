"""Kubernetes clusters and their pools of nodes."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from sandbox.simulated.store import Object, Store

from .kinds import PLACE, Attributes, Kind, canonical, fingerprint, refused, scope_of
from .machines import check_quota, cores_of
from .network import NETWORK, SUBNETWORK, needed

DEFAULT_VERSION = "1.33.5-gke.1080000"
KNOWN = re.compile(r"1\.(3[0-5])(\.\d+)?(-gke\.\d+)?")
NODE_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def cluster(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    scope = _scope(id_)
    for type_, name, place in (
        ("google_compute_network", "network", NETWORK),
        ("google_compute_subnetwork", "subnetwork", SUBNETWORK),
    ):
        if attributes.get(name):
            needed(store, type_, canonical(attributes[name], place, scope), "cluster")
    version = _version(attributes.get("min_master_version"), before)
    endpoint = f"34.{_byte(id_, 0)}.{_byte(id_, 1)}.{_byte(id_, 2)}"
    return {
        "self_link": f"https://container.googleapis.com/v1/{id_}",
        "endpoint": endpoint,
        "master_version": version,
        "node_version": attributes.get("node_version") or version,
        "master_auth": [_authority(id_, attributes)],
        "label_fingerprint": fingerprint(attributes.get("resource_labels")),
        "cluster_ipv4_cidr": attributes.get("cluster_ipv4_cidr") or "10.64.0.0/14",
        "services_ipv4_cidr": "10.68.0.0/20",
        "node_locations": attributes.get("node_locations") or [],
        "logging_service": attributes.get("logging_service") or "logging.googleapis.com/kubernetes",
        "monitoring_service": attributes.get("monitoring_service") or "monitoring.googleapis.com/kubernetes",
        "private_ipv6_google_access": "",
        "tpu_ipv4_cidr_block": "",
        "operation": None,
        "private_cluster_config": [_private(id_, attributes, endpoint)],
        "control_plane_endpoints_config": [_endpoints(id_, attributes)],
        "node_pool": [],
        "ip_allocation_policy": [_ranges(attributes)],
        "release_channel": attributes.get("release_channel") or [{"channel": "REGULAR"}],
    }


def _scope(id_: str) -> dict[str, str]:
    found = scope_of(id_)
    place = found["location"]
    return {**found, "region": place.rpartition("-")[0] if place.count("-") > 1 else place, "zone": place}


def _version(wanted: str | None, before: Object | None) -> str:
    """The full version; never below the one that runs."""
    if wanted and not KNOWN.fullmatch(wanted):
        raise refused(400, "creating cluster", f'Master version "{wanted}" is unsupported.', "badRequest")
    parts = (wanted or "").split("-")[0].split(".")
    full = wanted if wanted and "-gke." in wanted else f"{'.'.join([*parts, '5'][:3])}-gke.1080000" if wanted else ""
    if before is None:
        return full or DEFAULT_VERSION
    runs = str(before.attributes["master_version"])
    return max(full or runs, runs, key=lambda text: [int(number) for number in re.findall(r"\d+", text)])


def _byte(id_: str, position: int) -> int:
    return hashlib.sha256(id_.encode()).digest()[position] % 250 + 1


def _authority(id_: str, attributes: Attributes) -> Attributes:
    given = dict((attributes.get("master_auth") or [{}])[0] or {})
    text = base64.b64encode(f"-----BEGIN CERTIFICATE-----\nauthority of {id_}\n".encode()).decode()
    certificate = given.get("client_certificate_config") or [{"issue_client_certificate": False}]
    return {
        "cluster_ca_certificate": text,
        "client_certificate": "",
        "client_key": "",
        "client_certificate_config": certificate,
    }


def _private(id_: str, attributes: Attributes, endpoint: str) -> Attributes:
    given = dict((attributes.get("private_cluster_config") or [{}])[0] or {})
    return {
        **given,
        "enable_private_nodes": bool(given.get("enable_private_nodes")),
        "enable_private_endpoint": bool(given.get("enable_private_endpoint")),
        "master_ipv4_cidr_block": given.get("master_ipv4_cidr_block") or "",
        "private_endpoint": f"10.0.{_byte(id_, 3)}.2",
        "private_endpoint_subnetwork": given.get("private_endpoint_subnetwork") or "",
        "public_endpoint": endpoint,
        "peering_name": "",
        "master_global_access_config": given.get("master_global_access_config") or [{"enabled": False}],
    }


def _endpoints(id_: str, attributes: Attributes) -> Attributes:
    given = dict((attributes.get("control_plane_endpoints_config") or [{}])[0] or {})
    dns = dict((given.get("dns_endpoint_config") or [{}])[0] or {})
    scope = _scope(id_)
    host = f"gke-{hashlib.sha256(id_.encode()).hexdigest()[:32]}.{scope['region']}.gke.goog"
    dns["allow_external_traffic"] = bool(dns.get("allow_external_traffic"))
    return {
        **given,
        "dns_endpoint_config": [{**dns, "endpoint": host}],
        "ip_endpoints_config": given.get("ip_endpoints_config") or [{"enabled": True}],
    }


def _ranges(attributes: Attributes) -> Attributes:
    given = dict((attributes.get("ip_allocation_policy") or [{}])[0] or {})
    return {
        **given,
        "cluster_ipv4_cidr_block": given.get("cluster_ipv4_cidr_block") or "10.64.0.0/14",
        "services_ipv4_cidr_block": given.get("services_ipv4_cidr_block") or "10.68.0.0/20",
        "cluster_secondary_range_name": given.get("cluster_secondary_range_name") or "pods",
        "services_secondary_range_name": given.get("services_secondary_range_name") or "services",
        "stack_type": given.get("stack_type") or "IPV4",
    }


def pool(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    owner = needed(store, "google_container_cluster", cluster_of(id_), "NodePool")
    node = dict((attributes.get("node_config") or [{}])[0] or {})
    machine_type = node.get("machine_type") or "e2-medium"
    scaling = dict((attributes.get("autoscaling") or [{}])[0] or {})
    count = attributes.get("node_count") or attributes.get("initial_node_count") or scaling.get("min_node_count") or 1
    check_quota(store, id_, cores_of(machine_type) * count, _scope(owner.id)["region"])
    group = f"https://www.googleapis.com/compute/v1/projects/{owner.scope}/zones/{_scope(owner.id)['location']}"
    name = f"gke-{owner.name[:20]}-{id_.rpartition('/')[2][:20]}-{fingerprint(id_)[:8]}"
    _make_nodes(store, id_, owner, name, count)
    return {
        "name": id_.rpartition("/")[2],
        "initial_node_count": attributes.get("initial_node_count") or count,
        "node_count": count,
        "node_locations": attributes.get("node_locations") or [_scope(owner.id)["location"]],
        "version": attributes.get("version") or owner.attributes["master_version"],
        "max_pods_per_node": attributes.get("max_pods_per_node") or 110,
        "instance_group_urls": [f"{group}/instanceGroupManagers/{name}-grp"],
        "managed_instance_group_urls": [f"{group}/instanceGroups/{name}-grp"],
        "operation": None,
        "node_config": [_node(node, machine_type)],
        "management": attributes.get("management") or [{"auto_repair": True, "auto_upgrade": True}],
        "upgrade_settings": attributes.get("upgrade_settings") or [{"strategy": "SURGE", "max_surge": 1}],
    }


def _make_nodes(store: Store, pool_id: str, owner: Object, name: str, count: int) -> None:
    """The machines of a pool, with the cluster's labels and Google's own; they go with it."""
    for old in store.find("gke:instance", parent=pool_id):
        store.delete(old)
    scope = _scope(owner.id)
    zone = scope["zone"] if scope["zone"] != scope["region"] else f"{scope['region']}-b"
    for number in range(count):
        node = f"{name}-{number:04x}"
        labels = {**owner.tags, "goog-k8s-cluster-name": owner.name, "goog-gke-node": ""}
        id_ = f"projects/{owner.scope}/zones/{zone}/instances/{node}"
        store.put(Object("gke:instance", id_, node, owner.scope, zone, parent=pool_id, tags=labels))


def _node(given: dict[str, Any], machine_type: str) -> Attributes:
    return {
        **given,
        "machine_type": machine_type,
        "disk_size_gb": given.get("disk_size_gb") or 100,
        "disk_type": given.get("disk_type") or "pd-balanced",
        "image_type": given.get("image_type") or "COS_CONTAINERD",
        "oauth_scopes": given.get("oauth_scopes") or NODE_SCOPES,
        "service_account": given.get("service_account") or "default",
        "metadata": given.get("metadata") or {"disable-legacy-endpoints": "true"},
        "logging_variant": given.get("logging_variant") or "DEFAULT",
        "local_ssd_count": given.get("local_ssd_count") or 0,
        "min_cpu_platform": given.get("min_cpu_platform") or "",
        "shielded_instance_config": given.get("shielded_instance_config")
        or [{"enable_secure_boot": False, "enable_integrity_monitoring": True}],
    }


def cluster_of(pool_id: str) -> str:
    """The id of a pool's cluster, which may have been given as a whole id."""
    return pool_id.partition("/nodePools/")[0]


KINDS = {
    "google_container_cluster": Kind("cluster", "container.clusters", f"{PLACE}/clusters/{{name}}", cluster),
    "google_container_node_pool": Kind(
        "NodePool", "container.clusters", f"{PLACE}/clusters/{{cluster}}/nodePools/{{name}}", pool, parent=cluster_of
    ),
}
