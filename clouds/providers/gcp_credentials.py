"""Google credentials as JSON, made from what is stored: only Google's own addresses are ever in it.

A key file names the address where its signature is turned into a token. Whoever could choose it would make the
platform send requests to any host, so it is never taken over from the file.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .base import Credentials, CredentialsRefused

TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
STS_URL = "https://sts.googleapis.com/v1/token"
IAM_CREDENTIALS = "https://iamcredentials.googleapis.com"
UNIVERSE = "googleapis.com"
TOKEN_FILE = "skyvend-identity.jwt"  # noqa: S105 - a file's name
PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{1,60}")
EMAIL = re.compile(r"[^@\s]{1,100}@[a-z0-9.-]{1,120}")
PROVIDER = re.compile(r"projects/\d+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+")


def for_terraform(credentials: Credentials, endpoint: str) -> dict[str, Any]:
    """The value of ``GOOGLE_CREDENTIALS``; a token is read from :func:`secret_files`. Raises CredentialsRefused."""
    if credentials.get("method") == "oidc":
        return {**external_account(credentials, endpoint), "credential_source": {"file": TOKEN_FILE}}
    return service_account(credentials, endpoint)


def secret_files(credentials: Credentials) -> dict[str, str]:
    """What the run must find in its folder beside the credentials."""
    return {TOKEN_FILE: credentials["web_identity_token"]} if credentials.get("method") == "oidc" else {}


def project_of(credentials: Credentials) -> str:
    """The project that the credentials are for. Raises :class:`CredentialsRefused`."""
    if credentials.get("method") == "oidc":
        return _checked(PROJECT, credentials.get("project_id"), "the project id")
    return _checked(PROJECT, _key_file(credentials).get("project_id"), "the project id")


def email_of(credentials: Credentials) -> str:
    """The service account's address. Raises :class:`CredentialsRefused`."""
    if credentials.get("method") == "oidc":
        return _checked(EMAIL, credentials.get("service_account_email"), "the service account's email address")
    return _checked(EMAIL, _key_file(credentials).get("client_email"), "the service account's email address")


def service_account(credentials: Credentials, endpoint: str) -> dict[str, Any]:
    """The key file reduced to what signs, with Google's address for tokens, or the simulated cloud's."""
    key = _key_file(credentials)
    return {
        "type": "service_account",
        "project_id": project_of(credentials),
        "private_key_id": str(key.get("private_key_id", "")),
        "private_key": str(key.get("private_key", "")),
        "client_email": email_of(credentials),
        "client_id": str(key.get("client_id", "")),
        "token_uri": f"{endpoint}/token" if endpoint else TOKEN_URI,
        "universe_domain": UNIVERSE,
    }


def external_account(credentials: Credentials, endpoint: str) -> dict[str, Any]:
    """Workload identity federation: a token of ours for a token of the service account."""
    provider = _checked(PROVIDER, credentials.get("workload_identity_provider"), "the workload identity provider")
    path = f"/v1/projects/-/serviceAccounts/{email_of(credentials)}:generateAccessToken"
    return {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{provider}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{endpoint}/sts/v1/token" if endpoint else STS_URL,
        "service_account_impersonation_url": f"{endpoint or IAM_CREDENTIALS}{path}",
        "universe_domain": UNIVERSE,
    }


def _key_file(credentials: Credentials) -> dict[str, Any]:
    try:
        key = json.loads(credentials["service_account_key"])
    except ValueError:
        key = None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise CredentialsRefused("This is not the JSON key file of a service account. Make a new key and paste it.")
    return key


def _checked(pattern: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise CredentialsRefused(f"In these credentials {what} is missing or malformed. Download a new key file.")
    return value
