"""Storage accounts: their names are unique in the whole world."""

from __future__ import annotations

import base64
import secrets

from sandbox.simulated.errors import CloudFault
from sandbox.simulated.store import Object, Store

from .kinds import Attributes, Kind

SERVICES = ("blob", "dfs", "file", "queue", "table", "web")


def account(store: Store, id_: str, attributes: Attributes, before: Object | None) -> Attributes:
    name = attributes["name"]
    taken = [
        each for each in store.find("azurerm_storage_account") if each.name == name and each.id.lower() != id_.lower()
    ]
    if taken:
        raise CloudFault(
            409, "StorageAccountAlreadyTaken", "unexpected status 409 (409 Conflict) with error: "
            f"StorageAccountAlreadyTaken: The storage account named {name} is already taken.",
        )  # fmt: skip
    keys = (
        {key: before.attributes[key] for key in ("primary_access_key", "secondary_access_key")} if before else _keys()
    )
    found: Attributes = {
        "primary_location": attributes["location"],
        "access_tier": attributes.get("access_tier") or "Hot",
    }
    for service in SERVICES:
        host = f"{name}.{'z6.' if service == 'web' else ''}{service}.core.windows.net"
        found |= {f"primary_{service}_host": host, f"primary_{service}_endpoint": f"https://{host}/"}
    for rank in ("primary", "secondary"):
        text = f"DefaultEndpointsProtocol=https;AccountName={name};AccountKey={keys[f'{rank}_access_key']}"
        found[f"{rank}_connection_string"] = f"{text};EndpointSuffix=core.windows.net"
        found[f"{rank}_blob_connection_string"] = f"{text};BlobEndpoint=https://{name}.blob.core.windows.net/"
    return found | keys


def _keys() -> dict[str, str]:
    return {
        name: base64.b64encode(secrets.token_bytes(64)).decode()
        for name in ("primary_access_key", "secondary_access_key")
    }


def container(_store: Store, id_: str, _attributes: Attributes, _before: Object | None) -> Attributes:
    return {"resource_manager_id": id_, "has_immutability_policy": False, "has_legal_hold": False, "metadata": {}}


KINDS = {
    "azurerm_storage_account": Kind("Microsoft.Storage/storageAccounts", compute=account),
    "azurerm_storage_container": Kind(
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "{storage_account_id}/blobServices/default/containers/{name}",
        compute=container,
        has_group=False,
    ),
    "azurerm_storage_management_policy": Kind(
        "Microsoft.Storage/storageAccounts/managementPolicies",
        "{storage_account_id}/managementPolicies/default",
        has_group=False,
    ),
}
