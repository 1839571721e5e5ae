"""Kubernetes clusters, the group of nodes each makes, and what hangs around them."""

from __future__ import annotations

import base64
import json
import uuid

from sandbox.simulated.store import Object, Store

from .identity import TENANT
from .kinds import Attributes, Kind
from .machines import cores_of

DEFAULT_VERSION = "1.33.5"
ROLES = {"Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7"}


def identity(_store: Store, _id: str, _attributes: Attributes, before: Object | None) -> Attributes:
    if before:
        return {name: before.attributes[name] for name in ("client_id", "principal_id", "tenant_id")}
    return {"client_id": str(uuid.uuid4()), "principal_id": str(uuid.uuid4()), "tenant_id": TENANT}


def role(_store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    number = ROLES.get(attributes.get("role_definition_name") or "", "00000000-0000-0000-0000-000000000000")
    return {
        "name": id_.rpartition("/")[2],
        "role_definition_id": f"/providers/Microsoft.Authorization/roleDefinitions/{number}",
        "principal_type": attributes.get("principal_type") or "ServicePrincipal",
    }


def workspace(_store: Store, id_: str, _attributes: Attributes, before: Object | None) -> Attributes:
    if before:
        return {key: before.attributes[key] for key in ("workspace_id", "primary_shared_key", "secondary_shared_key")}
    key = base64.b64encode(uuid.uuid5(uuid.NAMESPACE_URL, id_).bytes * 4).decode()
    return {"workspace_id": str(uuid.uuid4()), "primary_shared_key": key, "secondary_shared_key": key}


def cluster(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    pool = dict(attributes["default_node_pool"][0])
    cores_of(pool["vm_size"])
    version = attributes.get("kubernetes_version") or DEFAULT_VERSION
    pool |= {"orchestrator_version": pool.get("orchestrator_version") or version}
    pool["node_count"] = pool.get("node_count") or pool.get("min_count")
    mark = before.attributes["fqdn"].split(".")[0] if before else f"{attributes['dns_prefix']}-{uuid.uuid4().hex[:8]}"
    place = attributes["location"]
    is_private = bool(attributes.get("private_cluster_enabled"))
    fqdn, private_fqdn = (
        f"{mark}.hcp.{place}.azmk8s.io",
        f"{mark}.{uuid.uuid5(uuid.NAMESPACE_URL, id_)}.privatelink.{place}.azmk8s.io",
    )
    node_group = (
        attributes.get("node_resource_group") or f"MC_{attributes['resource_group_name']}_{attributes['name']}_{place}"
    )
    subscription = id_.split("/")[2]
    config = _config(attributes["name"], private_fqdn if is_private else fqdn)
    has_accounts = not attributes.get("local_account_disabled")
    group_id = f"/subscriptions/{subscription}/resourceGroups/{node_group}"
    _node_group(store, group_id, node_group, id_, attributes)
    return {
        "default_node_pool": [pool],
        "kubernetes_version": version,
        "current_kubernetes_version": version,
        "fqdn": fqdn,
        "private_fqdn": private_fqdn if is_private else "",
        "portal_fqdn": fqdn.replace(".hcp.", ".portal.hcp."),
        "node_resource_group": node_group,
        "node_resource_group_id": group_id,
        "oidc_issuer_url": f"https://{place}.oic.prod-aks.azure.com/{TENANT}/{uuid.uuid5(uuid.NAMESPACE_URL, id_)}/",
        "http_application_routing_zone_name": "",
        "kube_config": [config],
        "kube_config_raw": _raw(attributes["name"], config)
        if has_accounts
        else _raw(attributes["name"], {**config, "password": ""}),
        "kube_admin_config": [],
        "kube_admin_config_raw": "",
        "private_dns_zone_id": attributes.get("private_dns_zone_id") or ("System" if is_private else None),
    }


def _config(name: str, host: str) -> dict[str, str]:
    text = base64.b64encode(f"certificate of {name}".encode()).decode()
    return {
        "host": f"https://{host}:443",
        "username": f"clusterUser_{name}",
        "password": uuid.uuid5(uuid.NAMESPACE_URL, host).hex * 4,
        "client_certificate": text,
        "client_key": base64.b64encode(f"key of {name} at {host}".encode()).decode(),
        "cluster_ca_certificate": base64.b64encode(f"authority of {name}".encode()).decode(),
    }


def _raw(name: str, config: dict[str, str]) -> str:
    """A kubeconfig; JSON is YAML."""
    ca = {"certificate-authority-data": config["cluster_ca_certificate"], "server": config["host"]}
    user = {"client-certificate-data": config["client_certificate"], "client-key-data": config["client_key"]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": ca}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": config["username"]}}],
            "users": [{"name": config["username"], "user": user | {"token": config["password"]}}],
        }
    )


def _node_group(store: Store, group_id: str, name: str, cluster_id: str, attributes: Attributes) -> None:
    """The group that AKS makes and manages; it goes with the cluster."""
    tags = attributes.get("tags") or {}
    store.put(
        Object(
            "aks:node_resource_group",
            group_id,
            name,
            cluster_id.split("/")[2],
            attributes["location"],
            parent=cluster_id,
            attributes={"managed_by": cluster_id, "name": name, "tags": tags},
        )
    )


KINDS = {
    "azurerm_kubernetes_cluster": Kind("Microsoft.ContainerService/managedClusters", compute=cluster),
    "azurerm_user_assigned_identity": Kind("Microsoft.ManagedIdentity/userAssignedIdentities", compute=identity),
    "azurerm_role_assignment": Kind(
        "Microsoft.Authorization/roleAssignments",
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        compute=role,
        has_group=False,
    ),
    "azurerm_log_analytics_workspace": Kind("Microsoft.OperationalInsights/workspaces", compute=workspace),
    "azurerm_monitor_diagnostic_setting": Kind(
        "Microsoft.Insights/diagnosticSettings", "{target_resource_id}|{name}", has_group=False
    ),
}
