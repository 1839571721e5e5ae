"""Who Azure takes the credentials for, and what they may do in the subscription.

Source: Azure REST API reference, Subscriptions - Get, Permissions - List For Scope; Azure RBAC documentation,
"Understand Azure role definitions": an action is allowed by a role whose actions match and whose notActions do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from .azure_sdk import Cloud
from .base import Identity, Permissions

PERMISSIONS = "/providers/Microsoft.Authorization/permissions"


def verify(cloud: Cloud) -> Identity:
    """Raises ``CredentialsRefused`` where the application cannot see the subscription."""
    subscription = cloud.get(f"/subscriptions/{cloud.subscription_id}", "2022-12-01")
    client, name = cloud.credentials["client_id"], subscription.get("displayName", "")
    return Identity(principal=f"client {client} in {name} ({cloud.subscription_id})", owner=cloud.subscription_id)


def probe(cloud: Cloud, actions: Sequence[str]) -> Permissions:
    roles = list(cloud.pages(f"/subscriptions/{cloud.subscription_id}{PERMISSIONS}", "2022-04-01"))
    missing = sorted({action for action in actions if not any(_allows(role, action) for role in roles)})
    return Permissions(missing=missing, unchecked=[])


def _allows(role: Mapping[str, Any], action: str) -> bool:
    wanted = action.lower()
    allowed = any(fnmatchcase(wanted, pattern.lower()) for pattern in role.get("actions") or [])
    return allowed and not any(fnmatchcase(wanted, pattern.lower()) for pattern in role.get("notActions") or [])
