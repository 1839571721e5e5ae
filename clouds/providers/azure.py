"""Azure without its SDK: what Terraform needs, the role to paste. What asks the cloud is loaded when it is needed.

The SDK costs up to 300 MB and two seconds, so no process of the web ever imports it: see ``asking``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

from .base import CloudObject, Credentials, Identity, Permissions, RunnerEnvironment
from .metrics import Metric, Utilisation
from .region_names import region_names

SUBSCRIPTION = re.compile(r"\(([0-9a-f-]{36})\)")
TOKEN_FILE = "skyvend-identity.jwt"  # noqa: S105 - a file's name
PLATFORM = [  # what tagged_objects, leftovers and the permission probe ask
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resources/read",
    "Microsoft.Storage/storageAccounts/blobServices/containers/read",
]
METRICS = ["Microsoft.Insights/metrics/read"]


class AzureAdapter:
    """See :class:`clouds.providers.base.Adapter`. ``endpoint`` is set for the simulated cloud only."""

    def __init__(self, endpoint: str = "") -> None:
        self.endpoint = endpoint

    def verify(self, credentials: Credentials, region: str) -> Identity:
        answer: Identity = _part("azure_permissions").verify(self._cloud(credentials))
        return answer

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        answer: Permissions = _part("azure_permissions").probe(self._cloud(credentials), actions)
        return answer

    def platform_permissions(self) -> list[str]:
        return PLATFORM

    def metrics_permissions(self) -> list[str]:
        return METRICS

    def presupposed(self, actions: Sequence[str]) -> list[str]:
        return []

    def policy(self, actions: Sequence[str]) -> str:
        """A custom role for ``az role definition create --role-definition @skyvend.json``."""
        role = {
            "Name": "Skyvend",
            "Description": "What Skyvend needs for the offerings of its catalogue.",
            "Actions": sorted(set(actions)),
            "NotActions": [],
            "AssignableScopes": ["/subscriptions/YOUR-SUBSCRIPTION-ID"],
        }
        return json.dumps(role, indent=2)

    def regions(self) -> list[str]:
        return region_names("azure")

    def owner_of(self, principal: str) -> str:
        found = SUBSCRIPTION.findall(principal)
        return found[-1] if found else ""

    def runner_environment(self, credentials: Credentials, region: str) -> RunnerEnvironment:
        variables = {
            "ARM_TENANT_ID": credentials["tenant_id"],
            "ARM_SUBSCRIPTION_ID": credentials["subscription_id"],
            "ARM_CLIENT_ID": credentials["client_id"],
            "ARM_USE_CLI": "false",  # never who is signed in on the machine the worker runs on,
            "ARM_USE_MSI": "false",  # nor that machine's own identity
        }
        secret_files = {}
        if credentials.get("method") == "oidc":
            secret_files[TOKEN_FILE] = credentials["web_identity_token"]
            variables |= {"ARM_USE_OIDC": "true", "ARM_OIDC_TOKEN_FILE_PATH": TOKEN_FILE}
        else:
            variables["ARM_CLIENT_SECRET"] = credentials["client_secret"]
        if self.endpoint:
            variables["SKYVEND_SIMULATED_CLOUD"] = self.endpoint
        return RunnerEnvironment(
            variables=variables, files={}, secret_files=secret_files, is_simulated=bool(self.endpoint)
        )

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        found: list[CloudObject] = _part("azure_objects").find(self._cloud(credentials), tags)
        return found

    def leftovers(self, credentials: Credentials, region: str, cluster: str) -> list[CloudObject]:
        found: list[CloudObject] = _part("azure_leftovers").find(self._cloud(credentials), cluster)
        return found

    def remove(self, credentials: Credentials, region: str, found: CloudObject) -> None:
        _part("azure_leftovers").remove(self._cloud(credentials), found)

    def switch_power(self, credentials: Credentials, region: str, machine: str, *, is_on: bool) -> None:
        _part("azure_power").switch(self._cloud(credentials), machine, is_on=is_on)

    def has_power(self, credentials: Credentials, region: str, machine: str) -> bool | None:
        found: bool | None = _part("azure_power").is_on(self._cloud(credentials), machine)
        return found

    def utilisation(
        self, credentials: Credentials, region: str, machines: Sequence[str], first: datetime, last: datetime
    ) -> Mapping[str, Mapping[Metric, Utilisation]]:
        found: Mapping[str, Mapping[Metric, Utilisation]] = _part("azure_metrics").read(
            self._cloud(credentials), region, machines, first, last
        )
        return found

    def _cloud(self, credentials: Credentials) -> Any:
        return _part("azure_sdk").Cloud(credentials, self.endpoint)


def adapter(endpoint: str) -> AzureAdapter:
    return AzureAdapter(endpoint)


def _part(name: str) -> Any:
    """A module of this package that imports the SDK."""
    return import_module(f"{__package__}.{name}")
