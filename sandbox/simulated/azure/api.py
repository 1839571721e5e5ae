"""Resource Manager's own interface, as far as our adapter's SDK asks it. The same objects, seen from the other side.

Source: Azure REST API reference, Resource Management, Authorization, Network, Compute.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from sandbox.simulated.cloud import Caller, Gate
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object

from . import costs, metrics, power
from .identity import TENANT
from .leftovers import TYPES

if TYPE_CHECKING:
    from .cloud import Azure

TOKEN = re.compile(r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token")
FILTER = re.compile(r"tagName eq '(?P<name>[^']+)' and tagValue eq '(?P<value>[^']+)'", re.IGNORECASE)
SUBSCRIPTION = re.compile(r"/subscriptions/(?P<subscription>[^/]+)(?P<rest>/.*)?", re.IGNORECASE)
IN_GROUP = re.compile(
    r"/resourcegroups/(?P<group>[^/]+)(/providers/(?P<type>[^/]+/[^/]+))?/?(resources)?", re.IGNORECASE
)
ARM_TYPES = {
    "azurerm_virtual_network": "Microsoft.Network/virtualNetworks",
    "azurerm_network_security_group": "Microsoft.Network/networkSecurityGroups",
    "azurerm_public_ip": "Microsoft.Network/publicIPAddresses",
    "azurerm_network_interface": "Microsoft.Network/networkInterfaces",
    "azurerm_linux_virtual_machine": "Microsoft.Compute/virtualMachines",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_kubernetes_cluster": "Microsoft.ContainerService/managedClusters",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_log_analytics_workspace": "Microsoft.OperationalInsights/workspaces",
    **TYPES,
}
CHILDREN = {
    "subnets": ("azurerm_subnet", "Microsoft.Network/virtualNetworks/subnets"),
    "containers": ("azurerm_storage_container", "Microsoft.Storage/storageAccounts/blobServices/containers"),
}
GROUPS = ("azurerm_resource_group", "aks:node_resource_group")


def answer(cloud: Azure, request: Request, gate: Gate) -> Response:
    """Raises ``CloudFault``."""
    if found := TOKEN.fullmatch(request.path):
        gate("token", "token")
        return _token(cloud, found["tenant"], request)
    caller = cloud.caller_of(request.headers.get("Authorization", "").removeprefix("Bearer "))
    found = SUBSCRIPTION.fullmatch(request.path)
    if found is None or found["subscription"] != caller.scope:
        raise CloudFault(404, "SubscriptionNotFound", f"The subscription of {request.path} could not be found.")
    if request.method == "DELETE":
        return _delete(cloud, request.path, gate)
    if (found["rest"] or "").lower() == "/metrics:getbatch":
        gate("metrics", "read")
        return _json(metrics.answer(cloud.store, caller, request))
    if costs.QUERY.fullmatch(request.path):
        gate("costs", "read")
        return _json(costs.answer(cloud.store, caller, request))
    if request.method == "POST":
        return _acted(cloud, caller, request.path, gate)
    gate("*", "list")
    return _json(_looked(cloud, caller, request, found["rest"] or ""))


def _token(cloud: Azure, tenant: str, request: Request) -> Response:
    try:
        return _json(cloud.identity.token(tenant, request.form))
    except CloudFault as fault:
        return _json({"error": fault.code, "error_description": fault.message}, fault.status)


def _acted(cloud: Azure, caller: Caller, path: str, gate: Gate) -> Response:
    found = power.ACTION.fullmatch(path)
    if found is None:
        raise CloudFault(404, "NotFound", f"The simulated Azure does not know POST {path}.")
    gate("azurerm_linux_virtual_machine", "update")
    with cloud.store.at_once():
        power.switch(cloud.store, caller, found["id"], found["action"])
    return Response(status=202)


def _looked(cloud: Azure, caller: Caller, request: Request, rest: str) -> dict[str, Any]:
    tags = {found["name"]: found["value"] for found in FILTER.finditer(request.args.get("$filter", ""))}
    lowered = rest.rstrip("/").lower()
    if not lowered:
        return _subscription(caller)
    if lowered == "/resources":
        return {"value": [_thing(each) for each in _resources(cloud, caller) if _carries(each, tags)]}
    if lowered == "/resourcegroups":
        groups = [each for kind in GROUPS for each in cloud.store.find(kind, scope=caller.scope)]
        return {"value": [_group(each) for each in groups if _carries(each, tags)]}
    if lowered == "/providers/microsoft.authorization/permissions":
        return {
            "value": [{"actions": ["*"], "notActions": sorted(caller.denied), "dataActions": [], "notDataActions": []}]
        }
    return _below(cloud, caller, request.path, rest)


def _below(cloud: Azure, caller: Caller, path: str, rest: str) -> dict[str, Any]:
    """Lists in a group or of an object's children, else one object by its id."""
    if found := power.VIEW.fullmatch(path):
        return power.view(cloud.store, caller, found["id"])
    if thing := _by_id(cloud, path):
        return _group(thing) if thing.type in GROUPS else _thing(thing)
    parent, _, children = path.rstrip("/").rpartition("/")
    if children in CHILDREN:
        kind, arm = CHILDREN[children]
        owner = parent.partition("/blobServices/")[0]
        return {
            "value": [{"id": each.id, "name": each.name, "type": arm} for each in cloud.store.find(kind, parent=owner)]
        }
    if found := IN_GROUP.fullmatch(rest):
        inside = f"/subscriptions/{caller.scope}/resourcegroups/{found['group']}/".lower()
        things = [each for each in _resources(cloud, caller) if each.id.lower().startswith(inside)]
        wanted = (found["type"] or "").lower()
        return {"value": [_thing(each) for each in things if wanted in {"", ARM_TYPES[each.type].lower()}]}
    raise CloudFault(404, "ResourceNotFound", f"The Resource '{path}' was not found.")


def _by_id(cloud: Azure, path: str) -> Object | None:
    found = cloud.store.by_id(path.rstrip("/"))
    return found if found and (found.type in ARM_TYPES or found.type in GROUPS) else None


def _delete(cloud: Azure, path: str, gate: Gate) -> Response:
    thing = cloud.store.by_id(path)
    if thing is None:
        return Response(status=204)
    gate(thing.type, "delete")
    with cloud.store.at_once():
        cloud.remove(thing)
    return Response(status=200)


def _resources(cloud: Azure, caller: Caller) -> list[Object]:
    return [each for each in cloud.store.find(scope=caller.scope) if each.type in ARM_TYPES]


def _carries(thing: Object, tags: dict[str, str]) -> bool:
    return tags.items() <= _tags(thing).items()


def _tags(thing: Object) -> dict[str, str]:
    return thing.tags or dict(thing.attributes.get("tags") or {})


def _subscription(caller: Caller) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{caller.scope}",
        "subscriptionId": caller.scope,
        "tenantId": TENANT,
        "displayName": "Simulated subscription",
        "state": "Enabled",
    }


def _group(thing: Object) -> dict[str, Any]:
    shown = {"id": thing.id, "name": thing.name, "type": "Microsoft.Resources/resourceGroups", "location": thing.region}
    managed = thing.attributes.get("managed_by")
    return {**shown, "tags": _tags(thing), "properties": {"provisioningState": "Succeeded"}, "managedBy": managed}


def _thing(thing: Object) -> dict[str, Any]:
    properties: dict[str, Any] = {"provisioningState": "Succeeded"}
    if thing.type == "azurerm_kubernetes_cluster":
        properties["nodeResourceGroup"] = thing.attributes["node_resource_group"]
    return {
        "id": thing.id,
        "name": thing.name,
        "type": ARM_TYPES[thing.type],
        "location": thing.region,
        "tags": _tags(thing),
        "properties": properties,
    }


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
