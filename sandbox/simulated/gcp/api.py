"""Google's own interfaces, as far as our adapter asks them. The same objects, seen from the other side.

Source: REST references of Compute Engine v1, Cloud Storage JSON v1, Kubernetes Engine v1, IAM v1, Resource Manager v3
and Service Usage v1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from sandbox.simulated.cloud import Caller, Gate
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object

from . import costs, metrics, power
from .kinds import SERVICES, canonical, link, number_of, scope_of
from .leftovers import COLLECTIONS as MADE_BY_CLUSTERS
from .network import NETWORK

if TYPE_CHECKING:
    from .cloud import Gcp

COLLECTIONS = {
    "google_compute_instance": "instances",
    "google_compute_disk": "disks",
    "google_compute_address": "addresses",
    "google_compute_network": "networks",
    "google_compute_subnetwork": "subnetworks",
    "google_compute_firewall": "firewalls",
    "google_compute_router": "routers",
    **MADE_BY_CLUSTERS,
}
LABEL = re.compile(r'labels\.(?P<name>[\w-]+)\s*(=|:|eq)\s*"?(?P<value>[\w-]*)"?')
COMPUTE = re.compile(r"/compute/v1/(?P<id>projects/(?P<project>[^/]+)/(?P<rest>.+))")
NOT_FOUND = "The requested URL was not found on this simulated cloud."
Answering = Callable[["Gcp", Caller, Request, re.Match[str]], Any]


def answer(cloud: Gcp, request: Request, gate: Gate) -> Response:
    """Raises ``CloudFault``; its answer has Google's form."""
    try:
        if request.path in {"/token", "/sts/v1/token"}:
            gate("token", "token")
            return _token(cloud, request)
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if found := re.fullmatch(r"/v1/projects/-/serviceAccounts/(?P<email>[^/:]+):generateAccessToken", request.path):
            return _json(cloud.identity.impersonated(found["email"], bearer))
        caller = cloud.caller_of(bearer)
        gate("*", "delete" if request.method == "DELETE" else "list")
        return _json(_found(cloud, caller, request))
    except CloudFault as fault:
        error = {"code": fault.status, "message": fault.message, "status": fault.code}
        return _json({"error": {**error, "errors": [{"reason": fault.code, "message": fault.message}]}}, fault.status)


def _token(cloud: Gcp, request: Request) -> Response:
    asked = cloud.identity.token if request.path == "/token" else cloud.identity.exchanged
    try:
        return _json(asked(request.form))
    except CloudFault as fault:
        return _json({"error": fault.code, "error_description": fault.message}, fault.status)


def _found(cloud: Gcp, caller: Caller, request: Request) -> Any:
    for pattern, asked in ROUTES:
        if matched := pattern.fullmatch(request.path):
            project = matched.groupdict().get("project")
            if project and project != caller.scope:
                text = f"The caller does not have permission on project '{project}' (or it may not exist)."
                raise CloudFault(403, "PERMISSION_DENIED", text)
            return asked(cloud, caller, request, matched)
    raise CloudFault(404, "NOT_FOUND", NOT_FOUND)


# --- Resource Manager, Service Usage, IAM ---------------------------------------------------------------------------


def _project(_cloud: Gcp, caller: Caller, _request: Request, _found: re.Match[str]) -> Any:
    number = number_of(caller.scope)[:12]
    return {
        "name": f"projects/{number}",
        "projectId": caller.scope,
        "state": "ACTIVE",
        "displayName": "Simulated project",
    }


def _permissions(_cloud: Gcp, caller: Caller, request: Request, _found: re.Match[str]) -> Any:
    wanted = request.get_json(force=True).get("permissions", [])
    return {"permissions": [each for each in wanted if each not in caller.denied]}


def _services(cloud: Gcp, caller: Caller, _request: Request, _found: re.Match[str]) -> Any:
    disabled = cloud.store.setting("disabled_apis", [])
    names = [name for name, _ in SERVICES.values()] + ["logging.googleapis.com", "monitoring.googleapis.com"]
    enabled = [name for name in names if name not in disabled]
    number = number_of(caller.scope)[:12]
    return {"services": [{"name": f"projects/{number}/services/{name}", "state": "ENABLED"} for name in enabled]}


def _service_accounts(cloud: Gcp, caller: Caller, _request: Request, _found: re.Match[str]) -> Any:
    found = cloud.store.find("google_service_account", scope=caller.scope)
    return {
        "accounts": [
            {
                "name": each.id,
                "email": each.attributes["email"],
                "description": each.attributes.get("description") or "",
            }
            for each in found
        ]
    }


# --- Compute Engine -------------------------------------------------------------------------------------------------


def _compute(cloud: Gcp, caller: Caller, request: Request, found: re.Match[str]) -> Any:
    """Lists: "aggregated/disks", "global/networks", "zones/z/disks". Else one object, to show or to delete."""
    rest = found["rest"].split("/")
    if rest[0] == "aggregated":
        return _aggregated(cloud, caller, request, rest[1])
    if request.method == "POST" and (asked := power.ACTION.fullmatch(found["id"])):
        with cloud.store.at_once():
            return _operation(power.switch(cloud.store, caller, asked["id"], asked["action"]))
    if thing := _by_id(cloud, found["id"]):
        if request.method == "DELETE":
            with cloud.store.at_once():
                cloud.remove(thing)
            return _operation(thing)
        return _thing(thing)
    if rest[-1] in COLLECTIONS.values():
        place = "/".join(rest[:-1])
        things = [each for each in _listed(cloud, caller, request, rest[-1]) if _place(each) == place]
        return {"kind": "compute#list", "id": found["rest"], "items": [_thing(each) for each in things]}
    raise CloudFault(404, "notFound", f"The resource '{found['id']}' was not found")


def _aggregated(cloud: Gcp, caller: Caller, request: Request, collection: str) -> Any:
    items: dict[str, Any] = {}
    for each in _listed(cloud, caller, request, collection):
        items.setdefault(_place(each), {}).setdefault(collection, []).append(_thing(each))
    return {"kind": "compute#aggregatedList", "id": collection, "items": items}


def _listed(cloud: Gcp, caller: Caller, request: Request, collection: str) -> list[Object]:
    labels = {found["name"]: found["value"] for found in LABEL.finditer(request.args.get("filter", ""))}
    types = [type_ for type_, name in COLLECTIONS.items() if name == collection]
    things = [each for type_ in types for each in cloud.store.find(type_, scope=caller.scope)]
    return [each for each in things if labels.items() <= each.tags.items()]


def _by_id(cloud: Gcp, id_: str) -> Object | None:
    found = cloud.store.by_id(id_)
    return found if found and found.type in COLLECTIONS else None


def _place(thing: Object) -> str:
    """Where it lies, as lists are divided: "zones/europe-west1-b", "regions/europe-west1" or "global"."""
    scope = thing.id.split("/")[2:4]
    return "global" if scope[0] == "global" else "/".join(scope)


def _thing(thing: Object) -> dict[str, Any]:
    attributes = thing.attributes
    network = attributes.get("network")
    shown = {
        "id": number_of(thing.id),
        "name": thing.name,
        "description": attributes.get("description") or "",
        "selfLink": link(thing.id),
        "labels": {} if thing.type in WITHOUT_LABELS else thing.tags,
        "network": link(canonical(network, NETWORK, scope_of(thing.id)))
        if isinstance(network, str) and network
        else "",
        "target": link(attributes["target"]) if attributes.get("target") else "",
        "instances": attributes.get("instances") or [],
        "targetTags": attributes.get("targetTags") or [],
        "address": attributes.get("address") or "",
        "status": attributes.get("current_status") or "",
    }
    return {name: value for name, value in shown.items() if value and name in FIELDS[COLLECTIONS[thing.type]]}


def _operation(thing: Object) -> dict[str, Any]:
    place, _, name = _place(thing).partition("/")
    where = {place.rstrip("s"): link(f"projects/{thing.scope}/{place}/{name}")} if name else {}
    return {"kind": "compute#operation", "name": f"operation-{thing.name}", "status": "DONE", "progress": 100, **where}


WITHOUT_LABELS = {
    "google_compute_network",
    "google_compute_subnetwork",
    "google_compute_firewall",
    "google_compute_router",
}
COMMON = ("id", "name", "description", "selfLink")
FIELDS = {
    "instances": (*COMMON, "labels", "status"),
    "disks": (*COMMON, "labels"),
    "addresses": (*COMMON, "labels", "address"),
    "networks": COMMON,
    "subnetworks": (*COMMON, "network"),
    "firewalls": (*COMMON, "network", "targetTags"),
    "routers": (*COMMON, "network"),
    "forwardingRules": (*COMMON, "labels", "network", "target"),
    "targetPools": (*COMMON, "instances"),
    "networkEndpointGroups": (*COMMON, "network"),
}


# --- Cloud Monitoring -----------------------------------------------------------------------------------------------


def _time_series(cloud: Gcp, caller: Caller, request: Request, _found: re.Match[str]) -> Any:
    return metrics.answer(cloud.store, caller, request)


# --- Cloud Storage, Kubernetes Engine -------------------------------------------------------------------------------


def _buckets(cloud: Gcp, caller: Caller, _request: Request, _found: re.Match[str]) -> Any:
    found = cloud.store.find("google_storage_bucket", scope=caller.scope)
    return {"kind": "storage#buckets", "items": [_bucket(each) for each in found]}


def _one_bucket(cloud: Gcp, caller: Caller, _request: Request, found: re.Match[str]) -> Any:
    thing = cloud.store.get("google_storage_bucket", found["name"])
    if thing is None or thing.scope != caller.scope:
        raise CloudFault(404, "notFound", "The specified bucket does not exist.")
    return _bucket(thing)


def _bucket(thing: Object) -> dict[str, Any]:
    return {
        "kind": "storage#bucket",
        "id": thing.id,
        "name": thing.name,
        "labels": thing.tags,
        "location": thing.region,
    }


def _clusters(cloud: Gcp, caller: Caller, _request: Request, _found: re.Match[str]) -> Any:
    return {
        "clusters": [_cluster(cloud, each) for each in cloud.store.find("google_container_cluster", scope=caller.scope)]
    }


def _cluster(cloud: Gcp, thing: Object) -> dict[str, Any]:
    network = canonical(thing.attributes.get("network") or "default", NETWORK, scope_of(thing.id))
    pools = cloud.store.find("google_container_node_pool", parent=thing.id)
    return {
        "name": thing.name,
        "location": scope_of(thing.id)["location"],
        "network": network.rpartition("/")[2],
        "resourceLabels": thing.tags,
        "selfLink": f"https://container.googleapis.com/v1/{thing.id}",
        "nodePools": [{"name": each.name} for each in pools],
    }


ROUTES: list[tuple[re.Pattern[str], Answering]] = [
    (re.compile(r"/v3/projects/(?P<project>[^/:]+)"), _project),
    (re.compile(r"/v3/projects/(?P<project>[^/:]+):testIamPermissions"), _permissions),
    (re.compile(r"/v3/projects/(?P<project>[^/:]+)/timeSeries"), _time_series),
    (re.compile(r"/v1/projects/(?P<project>[^/]+)/services"), _services),
    (re.compile(r"/v1/projects/(?P<project>[^/]+)/serviceAccounts"), _service_accounts),
    (re.compile(r"/v1/projects/(?P<project>[^/]+)/locations/-/clusters"), _clusters),
    (costs.TABLE, costs.table),
    (costs.QUERIES, costs.query),
    (costs.RESULTS, costs.results),
    (costs.JOB, costs.job),
    (re.compile(r"/storage/v1/b"), _buckets),
    (re.compile(r"/storage/v1/b/(?P<name>[^/]+)"), _one_bucket),
    (COMPUTE, _compute),
]


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
