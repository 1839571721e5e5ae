"""Who Google takes the credentials for, and what they may do in the project.

Source: Resource Manager API v3, projects.get and projects.testIamPermissions (at most 100 permissions a call, a limit
of the service); Service Usage API v1, services.list.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import CloudError, Identity, Permissions
from .gcp import SERVICE
from .gcp_sdk import Cloud

AT_ONCE = 100  # permissions in one call


def verify(cloud: Cloud) -> Identity:
    """Raises ``CredentialsRefused`` or ``NotPermitted`` where the service account cannot see its project."""
    allowed = _allowed(cloud, ["resourcemanager.projects.get"])
    principal = cloud.email if f"@{cloud.project_id}." in cloud.email else f"{cloud.email} in {cloud.project_id}"
    if allowed:
        cloud.get("cloudresourcemanager", f"/v3/projects/{cloud.project_id}")
    return Identity(principal=principal, owner=cloud.project_id)


def probe(cloud: Cloud, actions: Sequence[str]) -> Permissions:
    """Actions are IAM permissions, and APIs that must be enabled: "service:compute.googleapis.com"."""
    services = {each for each in actions if each.startswith(SERVICE)}
    wanted = sorted({*actions} - services)
    allowed = {
        name for start in range(0, len(wanted), AT_ONCE) for name in _allowed(cloud, wanted[start : start + AT_ONCE])
    }
    missing = [name for name in wanted if name not in allowed]
    try:
        enabled = _enabled(cloud) if services else set()
    except CloudError:
        return Permissions(missing=missing, unchecked=sorted(services))
    return Permissions(missing=sorted({*missing, *(services - enabled)}), unchecked=[])


def _allowed(cloud: Cloud, permissions: Sequence[str]) -> list[str]:
    path = f"/v3/projects/{cloud.project_id}:testIamPermissions"
    answer = cloud.post("cloudresourcemanager", path, {"permissions": list(permissions)})
    found: list[str] = answer.get("permissions", [])
    return found


def _enabled(cloud: Cloud) -> set[str]:
    path = f"/v1/projects/{cloud.project_id}/services"
    found = cloud.pages("serviceusage", path, "services", filter="state:ENABLED", pageSize="200")
    return {SERVICE + each["name"].rpartition("/")[2] for each in found}
