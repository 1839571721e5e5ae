"""The operator's simulated clouds: where they are, and the credentials they take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import httpx
from django.conf import settings

from .models import Provider
from .providers import CloudUnreachable, CredentialsRefused, gcp_credentials

# Made up. Shaped like real ones, so that everything else treats them like real ones.
AWS_CREDENTIALS = {
    "access_key_id": "AKIASANDBOXSANDBOX00",
    "secret_access_key": "sandbox/sandbox/sandbox/sandbox/sandbox0",
}
AWS_ACCOUNT = "123456789012"  # every role in the simulated AWS; in AWS's own documentation it is nobody's
AWS_KEY = re.compile(r"AKIASANDBOX[A-Z2-7]{7}00")  # all of the simulated AWS: an ID of AWS's own, base 32, has no 0
GCP_PROJECT = "skyvend-sandbox"  # with which every project of the simulated Google Cloud begins
AZURE_TENANT = "5a5a5a5a-0000-4000-8000-5c7e5d000001"  # of every application in the simulated Azure; no real one's
REGIONS = {Provider.AWS: "eu-west-1", Provider.AZURE: "westeurope", Provider.GCP: "europe-west1"}
PATIENCE = 30  # seconds for its own controls to answer
NOT_HERE = "The simulated cloud is not running here: it belongs to the trial (`make up`)."


def has_endpoint(provider: str) -> bool:
    """Whether the operator runs a simulated cloud of ``provider``."""
    return bool(getattr(settings, f"SANDBOX_{provider.upper()}_ENDPOINT", ""))


def endpoint_of(provider: str) -> str:
    """Where the simulated cloud of ``provider`` listens. Raises :class:`CloudUnreachable` where there is none."""
    if not has_endpoint(provider):
        raise CloudUnreachable(NOT_HERE)
    endpoint: str = getattr(settings, f"SANDBOX_{provider.upper()}_ENDPOINT")
    return endpoint


def credentials_of(provider: str) -> dict[str, str]:
    """Those of its first user. Raises :class:`CloudUnreachable`."""
    if provider == Provider.AWS:
        return dict(AWS_CREDENTIALS)
    headers = {"X-Sandbox-Key": settings.SANDBOX_CONTROL_KEY}
    try:
        answer = httpx.get(
            f"{endpoint_of(provider)}/control/credentials", headers=headers, timeout=PATIENCE, trust_env=False
        )
        answer.raise_for_status()
    except httpx.HTTPError:
        raise CloudUnreachable("The simulated cloud does not answer: look at its lines in `make up`.") from None
    found: dict[str, str] = answer.json()
    return found


def is_simulated(provider: str, credentials: Mapping[str, str]) -> bool:
    """Whether these are a simulated cloud's, and there is one here."""
    if not has_endpoint(provider):
        return False
    if provider == Provider.AZURE:
        return credentials.get("tenant_id") == AZURE_TENANT
    if provider == Provider.GCP:
        return _project_of(credentials).startswith(GCP_PROJECT)
    if role := credentials.get("role_arn"):
        return role.startswith(f"arn:aws:iam::{AWS_ACCOUNT}:")
    return provider == Provider.AWS and bool(AWS_KEY.fullmatch(credentials.get("access_key_id", "")))


def _project_of(credentials: Mapping[str, str]) -> str:
    try:
        return gcp_credentials.project_of(credentials)
    except CredentialsRefused:  # whoever asks the cloud says so
        return ""


def put_bill(provider: str, credentials: Mapping[str, str], rows: Sequence[Mapping[str, object]]) -> None:
    """Say what the simulated cloud bills whoever has these credentials; see ``sandbox.simulated.bill`` for a row.

    For seeds. Raises :class:`CloudUnreachable`.
    """
    whose = {"access_key_id": credentials["access_key_id"]} if provider == Provider.AWS else _scope(credentials)
    headers = {"X-Sandbox-Key": settings.SANDBOX_CONTROL_KEY}
    body = {**whose, "rows": [dict(row) for row in rows]}
    try:
        url = f"{endpoint_of(provider)}/control/bill"
        httpx.put(url, json=body, headers=headers, timeout=PATIENCE, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        raise CloudUnreachable("The simulated cloud does not answer: look at its lines in `make up`.") from None


def _scope(credentials: Mapping[str, str]) -> dict[str, str]:
    return {"scope": credentials.get("subscription_id") or gcp_credentials.project_of(credentials)}
