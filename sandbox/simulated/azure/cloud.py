"""What Terraform's stand-in provider asks: make, read, change and delete objects, as Resource Manager would."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.simulated.cloud import Caller, Gate
from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from . import api, clusters, machines, network, storage
from .identity import TENANT, Identity
from .kinds import Attributes, Kind
from .leftovers import plant

KINDS: dict[str, Kind] = {
    "azurerm_resource_group": Kind(
        "Microsoft.Resources/subscriptions/resourceGroups",
        "/subscriptions/{subscription}/resourceGroups/{name}",
        has_group=False,
    ),
    **network.KINDS,
    **machines.KINDS,
    **storage.KINDS,
    **clusters.KINDS,
}
PARENTS = {  # where a type lies in another, which goes only when it is empty
    "azurerm_subnet": lambda id_: id_.rpartition("/subnets/")[0],
    "azurerm_storage_container": lambda id_: id_.partition("/blobServices/")[0],
    "azurerm_storage_management_policy": lambda id_: id_.partition("/managementPolicies/")[0],
}


class Azure:
    """See :class:`sandbox.simulated.cloud.Cloud`."""

    name = "azure"

    def __init__(self, store: Store, endpoint: str) -> None:
        self.store, self.endpoint = store, endpoint
        self.identity = Identity(store)

    def create(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Object:
        kind = self._kind(type_)
        subscription = self._subscription(scope.get("subscription_id") or caller.scope, caller)
        if type_ == "azurerm_role_assignment":
            attributes = {**attributes, "name": attributes.get("name") or str(uuid.uuid4())}
        id_ = kind.id_of(attributes, subscription)
        self._allow(caller, kind.action("create"), id_)
        self._check_place(kind, type_, id_, attributes, subscription)
        if self.store.get(type_, id_) is not None:
            raise CloudFault(
                409,
                "AlreadyExists",
                f'A resource with the ID "{id_}" already exists - to be managed via Terraform '
                "this resource needs to be imported into the State. Please see the resource documentation for "
                f'"{type_}" for more information.',
            )
        return self._written(type_, id_, attributes, subscription, None)

    def read(self, type_: str, id_: str, caller: Caller) -> Object:
        self._kind(type_)
        found = self.store.get(type_, id_)
        if found is None or found.scope != caller.scope:
            raise CloudFault(404, "ResourceNotFound", f"ResourceNotFound: The Resource '{id_}' was not found.")
        return found

    def update(self, type_: str, id_: str, attributes: Attributes, caller: Caller) -> Object:
        before = self.read(type_, id_, caller)
        self._allow(caller, self._kind(type_).action("update"), id_)
        return self._written(type_, before.id, attributes, before.scope, before)

    def delete(self, type_: str, id_: str, caller: Caller) -> None:
        thing = self.read(type_, id_, caller)
        self._allow(caller, self._kind(type_).action("delete"), id_)
        self.remove(thing)

    def remove(self, thing: Object) -> None:
        """Delete an object nothing needs any more. Raises ``CloudFault`` with who needs it."""
        if thing.type == "azurerm_resource_group":
            self._check_empty(thing)
        elif users := [each for each in self._users(thing) if each.lower() != thing.id.lower()]:
            name = thing.id.rpartition("/")[2]
            kind = "InUseSubnetCannotBeDeleted" if thing.type == "azurerm_subnet" else "InUseResourceCannotBeDeleted"
            raise CloudFault(
                400,
                kind,
                f"unexpected status 400 (400 Bad Request) with error: {kind}: {name} is in use by "
                f"{users[0]} and cannot be deleted. In order to delete it, delete all the resources that use it.",
            )
        for child in self.store.find(parent=thing.id):
            self.store.delete(child)
        self.store.delete(thing)

    def data(self, type_: str, attributes: Attributes, scope: Mapping[str, str], caller: Caller) -> Attributes:
        if type_ != "azurerm_client_config":
            raise CloudFault(404, "NotFound", f"The simulated Azure does not know the data source {type_}.")
        return {
            "id": f"clientConfigs/clientId={caller.name}",
            "client_id": caller.name,
            "object_id": str(uuid.uuid5(uuid.NAMESPACE_URL, caller.name)),
            "subscription_id": caller.scope,
            "tenant_id": TENANT,
        }

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
            raise CloudFault(404, "InvalidResourceType", f"The simulated Azure does not know {type_}.")
        return KINDS[type_]

    def _subscription(self, wanted: str, caller: Caller) -> str:
        if wanted != caller.scope:
            raise CloudFault(
                404,
                "SubscriptionNotFound",
                f"unexpected status 404 with error: SubscriptionNotFound: The "
                f"subscription '{wanted}' could not be found.",
            )
        return wanted

    def _allow(self, caller: Caller, action: str, id_: str) -> None:
        if action in caller.denied:
            raise CloudFault(
                403,
                "AuthorizationFailed",
                "unexpected status 403 (403 Forbidden) with error: AuthorizationFailed: "
                f"The client '{caller.name}' with object id '{caller.name}' does not have authorization to "
                f"perform action '{action}' over scope '{id_}' or the scope is invalid.",
            )

    def _check_place(self, kind: Kind, type_: str, id_: str, attributes: Attributes, subscription: str) -> None:
        group = attributes.get("resource_group_name")
        group_id = f"/subscriptions/{subscription}/resourceGroups/{group}"
        if kind.has_group and self.store.get("azurerm_resource_group", group_id) is None:
            raise CloudFault(
                404,
                "ResourceGroupNotFound",
                "unexpected status 404 with error: ResourceGroupNotFound: Resource group "
                f"'{group}' could not be found.",
            )
        if type_ in PARENTS and self.store.by_id(PARENTS[type_](id_)) is None:
            raise CloudFault(
                404,
                "ParentResourceNotFound",
                "unexpected status 404 with error: ParentResourceNotFound: Can not "
                f"perform requested operation on nested resource. Parent resource of '{id_}' not found.",
            )

    def _written(
        self, type_: str, id_: str, attributes: Attributes, subscription: str, before: Object | None
    ) -> Object:
        computed = KINDS[type_].compute(self.store, id_, attributes, before)
        complete = {**attributes, **computed, "id": id_}
        thing = Object(
            type_,
            id_,
            name=str(attributes.get("name") or id_.rpartition("/")[2]),
            scope=subscription,
            region=str(attributes.get("location") or ""),
            parent=PARENTS[type_](id_) if type_ in PARENTS else "",
            tags=dict(attributes.get("tags") or {}),
            attributes=complete,
            **({"created": before.created} if before else {}),
        )
        self._tell_others(thing)
        return self.store.put(thing)

    def _tell_others(self, thing: Object) -> None:
        """A network card knows its machine."""
        for interface_id in thing.attributes.get("network_interface_ids") or []:
            if interface := self.store.get("azurerm_network_interface", interface_id):
                self.store.change(interface, attributes={**interface.attributes, "virtual_machine_id": thing.id})

    def _users(self, thing: Object) -> list[str]:
        if thing.type == "azurerm_network_interface":
            machines_ = self.store.find("azurerm_linux_virtual_machine", scope=thing.scope)
            return [each.id for each in machines_ if thing.id in each.attributes["network_interface_ids"]]
        if thing.type == "azurerm_virtual_network":
            subnets = self.store.find("azurerm_subnet", parent=thing.id)
            return [user for subnet in subnets for user in network.users_of(self.store, subnet)]
        if thing.type in {"azurerm_subnet", "azurerm_public_ip", "azurerm_network_security_group"}:
            return network.users_of(self.store, thing)
        return []

    def _check_empty(self, group: Object) -> None:
        inside = f"{group.id.lower()}/"
        held = [each for each in self.store.find(scope=group.scope) if each.id.lower().startswith(inside)]
        if held:
            raise CloudFault(
                409,
                "Conflict",
                f'deleting Resource Group "{group.name}": the Resource Group still contains '
                f"Resources. Terraform is configured to check for Resources within the Resource Group: {held[0].id}",
            )
