"""Google Cloud: a service account's key file, or a service account that trusts the platform's tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from .base import OIDC, CredentialField, CredentialMethod, InputProblem, Values, invalid

MAX_FILE = 20_000  # characters of a key file; Google's have about 2,400
GOOGLE = {"token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com"}
PEM = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END \1PRIVATE KEY-----\s*")
PROJECT = re.compile(r"([a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")  # "Creating and managing projects"
EMAIL = re.compile(r"[a-z0-9-]{1,63}@[a-z0-9.-]{1,100}\.gserviceaccount\.com")
POOL_PROVIDER = re.compile(
    r"projects/\d{1,20}/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}"
)
RESOURCE_PREFIX = re.compile(r"(https:)?//iam\.googleapis\.com/")


def _check_key(values: Values) -> list[InputProblem]:
    problem = _key_file_problem(values["service_account_key"])
    return [invalid("service_account_key", problem)] if problem else []


def _key_file_problem(text: str) -> str:
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        if text.startswith("{") and not text.rstrip().endswith("}"):
            return "The file ends too early: it was cut off. Paste all of it, from the first brace to the last."
        return "This is not valid JSON. Paste the whole file, from the first brace to the last."
    if not isinstance(key, dict) or key.get("type") != "service_account":
        return "This is not a service account's key: its type must be service_account."
    if not all(isinstance(key.get(name), str) and key[name] for name in ("project_id", "client_email", "private_key")):
        return "The key file is incomplete. Make a new key in Google Cloud and paste the whole file."
    if not PEM.fullmatch(key["private_key"]):
        return "The private key in the file is damaged. Make a new key in Google Cloud and paste the whole file."
    return _foreign_address_problem(key)


def _foreign_address_problem(key: dict[str, Any]) -> str:
    """Google's own addresses only: a file that names others would make us call hosts of somebody's choice."""
    wrong = [name for name, value in GOOGLE.items() if key.get(name, value) not in (value, _simulated(key).get(name))]
    return f"{wrong[0]} in the key file must be {GOOGLE[wrong[0]]}." if wrong else ""


def _simulated(key: dict[str, Any]) -> dict[str, str]:
    """What the key files of the operator's simulated Google Cloud may say instead."""
    sandbox = settings.SANDBOX_GCP_ENDPOINT
    is_there = sandbox and str(key["project_id"]).startswith("skyvend-sandbox")
    return {"token_uri": f"{sandbox}/token"} if is_there else {}


def _check_federation(values: Values) -> list[InputProblem]:
    values["workload_identity_provider"] = RESOURCE_PREFIX.sub("", values["workload_identity_provider"], count=1)
    problems = {
        "project_id": "" if PROJECT.fullmatch(values["project_id"]) else _project_problem(values["project_id"]),
        "workload_identity_provider": _provider_problem(values["workload_identity_provider"]),
        "service_account_email": ""
        if EMAIL.fullmatch(values["service_account_email"])
        else "A service account's address looks like skyvend@my-project.iam.gserviceaccount.com.",
    }
    return [invalid(name, detail) for name, detail in problems.items() if detail]


def _project_problem(project: str) -> str:
    if project.isdigit():
        return "This is the project's number; the ID has letters, such as my-project."
    return "A project's ID has 6 to 30 small letters, digits and hyphens, such as my-project."


def _provider_problem(name: str) -> str:
    if POOL_PROVIDER.fullmatch(name):
        return ""
    if re.match(r"projects/[a-z]", name):
        return "Here Google wants the project's number, not its ID: projects/123456789012/…"
    if "/workloadIdentityPools/" in name and "/providers/" not in name:
        return "This is the pool; the provider's name goes on with /providers/…"
    return "Looks like projects/123456789012/locations/global/workloadIdentityPools/skyvend/providers/skyvend."


def _email_in_key(values: Mapping[str, str]) -> str:
    return str(json.loads(values["service_account_key"])["client_email"])[:80]


METHODS = (
    CredentialMethod(
        "service_account_key",
        "Service account key",
        (
            CredentialField(
                "service_account_key",
                "Service account key",
                True,
                help="The whole JSON file that Google Cloud made for the service account.",
                max_length=MAX_FILE,
                is_file=True,
            ),
        ),
        _check_key,
        _email_in_key,
        {"credentials": "service_account_key"},
    ),
    CredentialMethod(
        OIDC,
        "Key-less (OIDC)",
        (
            CredentialField("project_id", "Project ID", False, help="Where the resources go: my-project."),
            CredentialField(
                "workload_identity_provider",
                "Workload identity provider",
                False,
                help="projects/…/locations/global/workloadIdentityPools/…/providers/…",
            ),
            CredentialField(
                "service_account_email",
                "Service account",
                False,
                help="skyvend@my-project.iam.gserviceaccount.com",
            ),
        ),
        _check_federation,
        lambda values: values["service_account_email"][:80],
        is_keyless=True,
    ),
)
