"""New tenants of the running stack, each with an account of its own in a simulated cloud."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.stack import Stack

CALLS = {  # where each cloud is asked to wait: the call that makes the bucket
    "aws": ("eu-west-1", "s3", "CreateBucket"),
    "azure": ("westeurope", "azurerm_storage_account", "create"),
    "gcp": ("europe-west1", "google_storage_bucket", "create"),
}


@dataclass(frozen=True)
class Tenant:
    api: httpx.Client
    keys: dict[str, Any]
    canary: str  # a secret that only this tenant's keys hold
    scope: str  # the subscription, project or account they belong to


def register(stack: Stack) -> str:
    """A token of the owner of a new organization."""
    name = secrets.token_hex(4)
    account = {"email": f"{name}@example.com", "password": secrets.token_urlsafe(16)}
    with stack.api() as client:
        del client.headers["Authorization"]
        client.post("/auth/register", json={**account, "organization": f"Tenant {name}"}).raise_for_status()
        access = client.post("/auth/login", json=account).json()["access"]
        asked = {"name": "e2e", "role": "owner"}
        issued = client.post("/tokens", json=asked, headers={"Authorization": f"Bearer {access}"}).json()
    return str(issued.get("token") or issued["secret"])


def connect(stack: Stack, provider: str, token: str) -> Tenant:
    """The tenant with keys of its own to an account of its own in the simulated cloud, connected."""
    keys = stack.control(provider, "POST", "principals", {}).json()
    api = stack.api(token)
    body = {"name": f"own-{provider}", "provider": provider, "credentials": keys, "default_region": CALLS[provider][0]}
    answer = api.post("/cloud-accounts", json=body)
    assert answer.status_code == 201, answer.text
    if provider == "gcp":
        key_file = json.loads(keys["service_account_key"])
        return Tenant(api, keys, key_file["private_key"].splitlines()[2], key_file["project_id"])
    canary = keys["client_secret" if provider == "azure" else "secret_access_key"]
    return Tenant(api, keys, canary, keys.get("subscription_id", ""))
