"""What Terraform's stand-in provider asks: make, read, change and delete objects, as Google's APIs would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.simulated.cloud import Caller, Gate
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from . import api, clusters, machines, network, project, storage
from .identity import Identity
from .kinds import Attributes, Kind, refused
from .leftovers import plant

KINDS: dict[str, Kind] = {**network.KINDS, **machines.KINDS, **storage.KINDS, **clusters.KINDS, **project.KINDS}
LABELS = ("effective_labels", "labels", "resource_labels")


class Gcp:
    """See :class:`sandbox.simulated.cloud.Cloud`."""

    name = "gcp"

    def __init__(self, store: Store, endpoint: str) -> None:
        self.store, self.endpoint = store, endpoint
        self.identity = Identity(store)

    def create(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Object:
        kind = self._kind(type_)
        attributes = {**attributes, "project": self._project(attributes.get("project") or scope.get("project"), caller)}
        id_ = _id_of(kind, type_, attributes, scope)
        self._allow(kind, "create", caller, id_)
        if type_ != "google_storage_bucket" and type_ not in project.KINDS and self.store.get(type_, id_):
            raise refused(409, f"creating {kind.noun}", f"The resource '{id_}' already exists", "alreadyExists")
        if type_ == "google_service_account" and self.store.get(type_, id_):
            text = f"Service account {attributes['account_id']} already exists within project projects/{caller.scope}."
            raise refused(409, "creating service account", text, "alreadyExists")
        return self._written(type_, id_, {**attributes, **_places(attributes, scope)}, caller.scope, None)

    def read(self, type_: str, id_: str, caller: Caller) -> Object:
        self._kind(type_)
        found = self.store.get(type_, id_)
        if found is None or found.scope != caller.scope:
            raise CloudFault(404, "notFound", f"googleapi: Error 404: The resource '{id_}' was not found, notFound")
        return found

    def update(self, type_: str, id_: str, attributes: Attributes, caller: Caller) -> Object:
        before = self.read(type_, id_, caller)
        self._allow(self._kind(type_), "update", caller, id_)
        return self._written(type_, before.id, attributes, before.scope, before)

    def delete(self, type_: str, id_: str, caller: Caller) -> None:
        thing = self.read(type_, id_, caller)
        self._allow(self._kind(type_), "delete", caller, id_)
        if type_ == "google_container_cluster" and thing.attributes.get("deletion_protection"):
            raise CloudFault(
                400, "invalid", "Cannot destroy cluster because deletion_protection is set to true. Set it to false "
                "to proceed with cluster deletion.",
            )  # fmt: skip
        self.remove(thing)

    def remove(self, thing: Object) -> None:
        """Delete an object nothing needs any more. Raises ``CloudFault`` with who needs it."""
        if users := self._users(thing):
            noun = KINDS[thing.type].noun if thing.type in KINDS else thing.type
            raise CloudFault(
                400,
                "resourceInUseByAnotherResource",
                f"Error waiting for Deleting {noun}: The {noun.lower()} resource '{thing.id}' is already being used "
                f"by '{users[0]}'\n\nresourceInUseByAnotherResource",
            )
        self._forget(thing)

    def _forget(self, thing: Object) -> None:
        """With what lies in it: the nodes of the pools of a cluster."""
        for child in self.store.find(parent=thing.id):
            self._forget(child)
        self.store.delete(thing)

    def data(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Attributes:
        held = {"project": attributes.get("project") or scope.get("project") or caller.scope}
        region = attributes.get("region") or scope.get("region") or ""
        if type_ == "google_client_config":
            zone = scope.get("zone") or ""
            place = {"region": region, "zone": zone}
            identity = f'projects/"{held["project"]}"/regions/"{region}"/zones/"{zone}"/scopes/[]'
            return {**held, **place, "id": identity, "access_token": "ya29.simulated", "default_labels": {}}
        if type_ == "google_compute_zones":
            names = [f"{region}-{letter}" for letter in "bcd"]
            return {**held, "region": region, "names": names, "id": f"projects/{held['project']}/regions/{region}"}
        raise CloudFault(404, "notFound", f"The simulated Google Cloud does not know the data source {type_}.")

    def caller_of(self, bearer: str) -> Caller:
        return self.identity.caller(bearer)

    def credentials(self) -> dict[str, str]:
        return self.identity.default()

    def new_principal(self, **wanted: Any) -> dict[str, str]:
        return self.identity.new(**wanted)

    def expire(self, name: str) -> None:
        self.identity.expire(name)

    def plant_leftovers(self, cluster: str) -> list[str]:
        return plant(self.store, cluster)

    def api(self, request: Request, gate: Gate) -> Response:
        return api.answer(self, request, gate)

    def _kind(self, type_: str) -> Kind:
        if type_ not in KINDS:
            raise CloudFault(404, "notFound", f"The simulated Google Cloud does not know {type_}.")
        return KINDS[type_]

    def _project(self, wanted: str | None, caller: Caller) -> str:
        if wanted and wanted != caller.scope:
            text = f"The caller does not have permission on project '{wanted}' (or it may not exist)."
            raise CloudFault(403, "forbidden", f"googleapi: Error 403: {text}, forbidden")
        return caller.scope

    def _allow(self, kind: Kind, operation: str, caller: Caller, id_: str) -> None:
        service, title = kind.service
        if service in self.store.setting("disabled_apis", []):
            where = f"https://console.developers.google.com/apis/api/{service}/overview?project={caller.scope}"
            text = f"{title} has not been used in project {caller.scope} before or it is disabled. Enable it by"
            details = f'Details:\n[{{"reason": "SERVICE_DISABLED", "metadata": {{"service": "{service}"}}}}]'
            raise refused(403, f"creating {kind.noun}", f"{text} visiting {where} then retry.\n{details}", "forbidden")
        permission = kind.permission(operation) if not kind.permissions.endswith("IamPolicy") else kind.permissions
        if permission in caller.denied:
            text = f"Required '{permission}' permission for '{id_}'"
            raise refused(403, f"creating {kind.noun}", text, "forbidden")

    def _written(self, type_: str, id_: str, attributes: Attributes, owner: str, before: Object | None) -> Object:
        kind = KINDS[type_]
        complete = {**attributes, **kind.compute(self.store, id_, attributes, before), "id": id_}
        thing = Object(
            type_,
            id_,
            name=str(attributes.get("name") or id_.rpartition("/")[2]),
            scope=owner,
            region=str(attributes.get("region") or attributes.get("zone") or attributes.get("location") or ""),
            parent=kind.parent(id_) if kind.parent else "",
            tags=_tags(complete),
            attributes=complete,
            **({"created": before.created} if before else {}),
        )
        return self.store.put(thing)

    def _users(self, thing: Object) -> list[str]:
        wanted = {thing.id}
        if thing.type == "google_compute_address":
            wanted.add(f"address:{thing.attributes['address']}")
        others = (each for each in self.store.find(scope=thing.scope) if each.id != thing.id)
        return [each.id for each in others if wanted & set(network.references(each))]


def _id_of(kind: Kind, type_: str, attributes: Attributes, scope: Mapping[str, str]) -> str:
    given = {**scope, **{name: value for name, value in attributes.items() if isinstance(value, str)}}
    if type_ == "google_container_node_pool" and "/" in given.get("cluster", ""):
        return f"{given['cluster']}/nodePools/{given['name']}"
    if type_ == "google_compute_router_nat":
        given["router"] = given["router"].rpartition("/")[2]
    if missing := [name for name in ("zone", "region") if f"{{{name}}}" in kind.place and not given.get(name)]:
        raise CloudFault(400, "invalid", f"{missing[0]}: required field is not set")
    return kind.place.format_map(given)


def _places(attributes: Attributes, scope: Mapping[str, str]) -> Attributes:
    """Where it is, if only the provider block says so."""
    return {name: scope[name] for name in ("region", "zone") if name in attributes and not attributes[name]}


def _tags(attributes: Attributes) -> dict[str, str]:
    """The labels; what cannot bear any says whose it is in its description: "skyvend-resource=…;skyvend-run=…"."""
    for name in LABELS:
        if attributes.get(name):
            return dict(attributes[name])
    pairs = (part.strip() for part in str(attributes.get("description") or "").split(";"))
    return dict(pair.split("=", 1) for pair in pairs if pair.startswith("skyvend-") and "=" in pair)
