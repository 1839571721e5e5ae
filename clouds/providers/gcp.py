"""Google Cloud without its SDK: what Terraform needs, the role to paste. What asks the cloud is loaded when needed.

The SDK costs up to 160 MB and four seconds, so no process of the web ever imports it: see ``asking``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

from . import gcp_credentials
from .base import CloudObject, Credentials, Identity, Permissions, RunnerEnvironment
from .metrics import Metric, Utilisation
from .region_names import region_names

SERVICE = "service:"  # how a needed API stands among the needed permissions: "service:compute.googleapis.com"
SERVICES = {  # first word of a permission -> the API that must be enabled in the project
    "bigquery": "bigquery.googleapis.com",
    "compute": "compute.googleapis.com",
    "container": "container.googleapis.com",
    "iam": "iam.googleapis.com",
    "logging": "logging.googleapis.com",
    "monitoring": "monitoring.googleapis.com",
    "resourcemanager": "cloudresourcemanager.googleapis.com",
    "serviceusage": "serviceusage.googleapis.com",
    "storage": "storage.googleapis.com",
}
PLATFORM = [  # what tagged_objects, leftovers and the permission probe ask
    "compute.addresses.list",
    "compute.disks.list",
    "compute.firewalls.list",
    "compute.instances.list",
    "compute.networks.list",
    "compute.routers.list",
    "compute.subnetworks.list",
    "container.clusters.list",
    "iam.serviceAccounts.list",
    "resourcemanager.projects.get",
    "serviceusage.services.list",
    "storage.buckets.list",
]
METRICS = ["compute.instances.get", "monitoring.timeSeries.list"]
OWN_PROJECT = re.compile(r"[^@\s]+@([a-z0-9-]+)\.iam\.gserviceaccount\.com")
OTHER_PROJECT = re.compile(r"\S+ in (\S+)")


class GcpAdapter:
    """See :class:`clouds.providers.base.Adapter`. ``endpoint`` is set for the simulated cloud only."""

    def __init__(self, endpoint: str = "") -> None:
        self.endpoint = endpoint

    def verify(self, credentials: Credentials, region: str) -> Identity:
        answer: Identity = _part("gcp_permissions").verify(self._cloud(credentials))
        return answer

    def probe(self, credentials: Credentials, region: str, actions: Sequence[str]) -> Permissions:
        answer: Permissions = _part("gcp_permissions").probe(self._cloud(credentials), actions)
        return answer

    def platform_permissions(self) -> list[str]:
        return PLATFORM

    def metrics_permissions(self) -> list[str]:
        return METRICS

    def presupposed(self, actions: Sequence[str]) -> list[str]:
        words = {action.partition(".")[0] for action in actions}
        return sorted(SERVICE + SERVICES[word] for word in words if word in SERVICES)

    def policy(self, actions: Sequence[str]) -> str:
        """A custom role for ``gcloud iam roles create skyvend --project=… --file=skyvend.yaml``."""
        services = [each.removeprefix(SERVICE) for each in self.presupposed(actions)]
        permissions = sorted({each for each in actions if not each.startswith(SERVICE)})
        lines = [
            "# First enable what the offerings use:",
            f"# gcloud services enable {' '.join(services)}",
            "title: Skyvend",
            "description: What Skyvend needs for the offerings of its catalogue.",
            "stage: GA",
            "includedPermissions:",
            *(f"- {permission}" for permission in permissions),
        ]
        return "\n".join(lines)

    def regions(self) -> list[str]:
        return region_names("gcp")

    def owner_of(self, principal: str) -> str:
        found = OTHER_PROJECT.fullmatch(principal) or OWN_PROJECT.fullmatch(principal)
        return found[1] if found else ""

    def runner_environment(self, credentials: Credentials, region: str) -> RunnerEnvironment:
        variables = {
            "GOOGLE_CREDENTIALS": json.dumps(gcp_credentials.for_terraform(credentials, self.endpoint)),
            "GOOGLE_PROJECT": gcp_credentials.project_of(credentials),
            "GOOGLE_REGION": region,
        }
        if self.endpoint:
            variables["SKYVEND_SIMULATED_CLOUD"] = self.endpoint
        return RunnerEnvironment(
            variables=variables,
            files={},
            secret_files=gcp_credentials.secret_files(credentials),
            is_simulated=bool(self.endpoint),
        )

    def tagged_objects(self, credentials: Credentials, region: str, tags: Mapping[str, str]) -> list[CloudObject]:
        found: list[CloudObject] = _part("gcp_objects").find(self._cloud(credentials), region, tags)
        return found

    def leftovers(self, credentials: Credentials, region: str, cluster: str) -> list[CloudObject]:
        found: list[CloudObject] = _part("gcp_leftovers").find(self._cloud(credentials), region, cluster)
        return found

    def remove(self, credentials: Credentials, region: str, found: CloudObject) -> None:
        _part("gcp_leftovers").remove(self._cloud(credentials), found)

    def switch_power(self, credentials: Credentials, region: str, machine: str, *, is_on: bool) -> None:
        _part("gcp_power").switch(self._cloud(credentials), machine, is_on=is_on)

    def has_power(self, credentials: Credentials, region: str, machine: str) -> bool | None:
        found: bool | None = _part("gcp_power").is_on(self._cloud(credentials), machine)
        return found

    def utilisation(
        self, credentials: Credentials, region: str, machines: Sequence[str], first: datetime, last: datetime
    ) -> Mapping[str, Mapping[Metric, Utilisation]]:
        found: Mapping[str, Mapping[Metric, Utilisation]] = _part("gcp_metrics").read(
            self._cloud(credentials), machines, first, last
        )
        return found

    def _cloud(self, credentials: Credentials) -> Any:
        return _part("gcp_sdk").Cloud(credentials, self.endpoint)


def adapter(endpoint: str) -> GcpAdapter:
    return GcpAdapter(endpoint)


def _part(name: str) -> Any:
    """A module of this package that imports the SDK."""
    return import_module(f"{__package__}.{name}")
