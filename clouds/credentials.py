"""Credentials as people paste them: cleaned, and refused with a reason before any cloud is asked.

No text made here ever quotes a value: whoever swaps two fields would read their secret in an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from .models import Provider

MAX_LENGTH = 10_000  # characters of one value before cleaning; the longest real one, a session token, has about 2,000
MAX_FILE = 20_000  # characters of a key file; Google's have about 2,400
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))  # byte order mark, zero-width, soft hyphen
KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
SECRET_KEY = re.compile(r"[A-Za-z0-9/+=]{40}")
SESSION_TOKEN = re.compile(r"[A-Za-z0-9/+=_-]{16,8192}")
AZURE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
GOOGLE = {"token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com"}
SAFE_NAME = re.compile(r"[a-z][a-z_]{0,39}")
PERMANENT, TEMPORARY = "AKIA", "ASIA"  # IAM user guide, "Unique identifiers"
NOT_KEYS = {"AIDA": "a user", "AROA": "a role", "AGPA": "a group", "ANPA": "a policy", "AIPA": "an instance profile"}


@dataclass(frozen=True, slots=True)
class InputProblem:
    """What is wrong with one value; ``field`` is its path in the API ("credentials.secret_access_key")."""

    field: str
    code: str
    detail: str


class InvalidCredentials(Exception):
    """What was entered cannot be a cloud account. ``errors`` says why, field by field, without the values."""

    def __init__(self, errors: list[InputProblem]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One value that a provider's credentials are made of."""

    name: str
    label: str
    is_secret: bool
    is_required: bool = True
    help: str = ""
    max_length: int = MAX_LENGTH


FIELDS: dict[str, tuple[CredentialField, ...]] = {
    Provider.AWS: (
        CredentialField(
            "access_key_id",
            "Access key ID",
            False,
            help="20 characters, starts with AKIA (or ASIA for temporary keys).",
        ),
        CredentialField("secret_access_key", "Secret access key", True, help="40 characters; AWS shows it only once."),
        CredentialField(
            "session_token", "Session token", True, False, "Only for temporary keys, whose ID starts with ASIA."
        ),
    ),
    Provider.AZURE: (
        CredentialField("client_id", "Application (client) ID", False, help="In Entra ID, on the app registration."),
        CredentialField("client_secret", "Client secret value", True, help="The value, not the secret's ID."),
        CredentialField("tenant_id", "Directory (tenant) ID", False),
        CredentialField("subscription_id", "Subscription ID", False),
    ),
    Provider.GCP: (
        CredentialField(
            "service_account_key",
            "Service account key",
            True,
            help="The whole JSON file that Google Cloud made for the service account.",
            max_length=MAX_FILE,
        ),
    ),
}

# How the tools people paste from name them, and the trial's demo.json.
OTHER_NAMES: dict[str, dict[str, str]] = {
    Provider.AWS: {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
        "access_key": "access_key_id",
        "secret_key": "secret_access_key",
    },
    Provider.AZURE: {"appid": "client_id", "password": "client_secret", "tenant": "tenant_id"},
    Provider.GCP: {"credentials": "service_account_key"},
}


def clean_credentials(provider: str, raw: object) -> dict[str, str]:
    """The credentials without what pasting adds, complete and of the right shape.

    Raises :class:`InvalidCredentials`. Whether the cloud accepts them is for its adapter to find out.
    """
    if provider not in FIELDS:
        detail = f"This provider is not offered; there are: {', '.join(FIELDS)}."
        raise InvalidCredentials([InputProblem("provider", "unknown", detail)])
    if not isinstance(raw, Mapping):
        raise InvalidCredentials([InputProblem("credentials", "invalid", "Must be an object of names and values.")])
    raw = _by_our_names(provider, raw)
    errors = _unknown_names(provider, raw)
    values: dict[str, str] = {}
    for spec in FIELDS[provider]:
        try:
            values[spec.name] = _clean_value(spec, raw.get(spec.name))
        except ValueError as error:
            errors.append(InputProblem(f"credentials.{spec.name}", "invalid", str(error)))
    if not errors:
        errors = CHECKS[provider](values)
    if errors:
        raise InvalidCredentials(errors)
    return {name: value for name, value in values.items() if value}


def hint_of(provider: str, credentials: Mapping[str, str]) -> str:
    """Enough to tell keys apart, too little to use: "AKIA…MPLE", or the service account's address."""
    if provider == Provider.GCP:
        return str(json.loads(credentials["service_account_key"])["client_email"])[:80]
    name = next(spec.name for spec in FIELDS[provider] if not spec.is_secret)
    value = credentials[name]
    return f"{value[:4]}…{value[-4:]}"


def _by_our_names(provider: str, raw: Mapping[Any, Any]) -> dict[Any, Any]:
    """``raw`` with other tools' names replaced by ours, unless ours is there as well."""
    ours = {name: OTHER_NAMES[provider].get(name, name) for name in raw}
    return {name if ours[name] in raw else ours[name]: value for name, value in raw.items()}


def _unknown_names(provider: str, raw: Mapping[Any, Any]) -> list[InputProblem]:
    known = [spec.name for spec in FIELDS[provider]]
    unknown = [name for name in raw if name not in known]
    if not unknown:
        return []
    readable = [name for name in unknown[:3] if isinstance(name, str) and SAFE_NAME.fullmatch(name)]
    named = f" ({', '.join(readable)})" if readable else ""
    return [InputProblem("credentials", "unknown", f"Unknown entry{named}. Allowed: {', '.join(known)}.")]


def _clean_value(spec: CredentialField, value: object) -> str:
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ValueError("Must be text.")  # noqa: TRY004  - one error type for all that is wrong with a value
    if len(value) > spec.max_length:
        raise ValueError("This is far too long; paste only the value itself.")
    value = value.translate(INVISIBLE).strip().strip("\"'").strip()
    if not value and spec.is_required:
        raise ValueError("Is required.")
    return value


def _check_aws(values: dict[str, str]) -> list[InputProblem]:
    key_id, secret, token = values["access_key_id"], values["secret_access_key"], values["session_token"]
    if SECRET_KEY.fullmatch(key_id) and KEY_ID.fullmatch(secret) and secret.startswith((PERMANENT, TEMPORARY)):
        detail = "This looks like the secret access key, and the other field like the ID: the two are swapped."
        return [InputProblem("credentials.access_key_id", "swapped", detail)]
    problems = {
        "access_key_id": _key_id_problem(key_id),
        "secret_access_key": _secret_problem(secret),
        "session_token": _token_problem(key_id, token),
    }
    return [InputProblem(f"credentials.{name}", "invalid", detail) for name, detail in problems.items() if detail]


def _key_id_problem(key_id: str) -> str:
    if key_id[:4] in NOT_KEYS:
        return f"This is the ID of {NOT_KEYS[key_id[:4]]}, not of an access key, which starts with AKIA or ASIA."
    if "=" in key_id or "\n" in key_id:
        return "Paste only the value, without its name and without other lines."
    if not key_id.startswith((PERMANENT, TEMPORARY)):
        return "An access key ID starts with AKIA, or with ASIA for temporary keys."
    return "" if KEY_ID.fullmatch(key_id) else "An access key ID has 16 to 128 capital letters and digits."


def _secret_problem(secret: str) -> str:
    if secret.startswith((PERMANENT, TEMPORARY)) and KEY_ID.fullmatch(secret):
        return "This is an access key ID; the secret access key has 40 characters."
    if len(secret) != 40:
        return f"A secret access key has exactly 40 characters, this has {len(secret)}."
    return "" if SECRET_KEY.fullmatch(secret) else "A secret access key has only letters, digits, / and +."


def _token_problem(key_id: str, token: str) -> str:
    if key_id.startswith(TEMPORARY) and not token:
        return "Temporary keys (ASIA…) work only together with their session token."
    if key_id.startswith(PERMANENT) and token:
        return "Permanent keys (AKIA…) have no session token: leave this empty."
    return "" if not token or SESSION_TOKEN.fullmatch(token) else "This is not a session token."


def _check_azure(values: dict[str, str]) -> list[InputProblem]:
    problems = [
        InputProblem(f"credentials.{name}", "invalid", "Must be an ID like 0f1e2d3c-0000-4000-8000-0123456789ab.")
        for name in ("client_id", "tenant_id", "subscription_id")
        if not AZURE_ID.fullmatch(values[name])
    ]
    if AZURE_ID.fullmatch(values["client_secret"]):
        detail = "This is the secret's ID; Azure shows its value beside it, only once. Make a new secret if it is lost."
        problems.append(InputProblem("credentials.client_secret", "invalid", detail))
    return problems


def _check_gcp(values: dict[str, str]) -> list[InputProblem]:
    problem = _key_file_problem(values["service_account_key"])
    return [InputProblem("credentials.service_account_key", "invalid", problem)] if problem else []


def _key_file_problem(text: str) -> str:
    try:
        key = json.loads(text)
    except ValueError:
        return "This is not valid JSON. Paste the whole file, from the first brace to the last."
    if not isinstance(key, dict) or key.get("type") != "service_account":
        return "This is not a service account's key: its type must be service_account."
    if not all(isinstance(key.get(name), str) and key[name] for name in ("project_id", "client_email", "private_key")):
        return "The key file is incomplete. Make a new key in Google Cloud and paste the whole file."
    return _foreign_address_problem(key)


def _foreign_address_problem(key: dict[str, Any]) -> str:
    """Google's own addresses only: a file that names others would make us call hosts of somebody's choice."""
    sandbox = settings.SANDBOX_GCP_ENDPOINT
    allowed = {**GOOGLE, "token_uri": f"{sandbox}/token"} if sandbox and _is_sandbox_project(key) else GOOGLE
    wrong = [name for name, value in allowed.items() if key.get(name, value) != value]
    return f"{wrong[0]} in the key file must be {allowed[wrong[0]]}." if wrong else ""


def _is_sandbox_project(key: dict[str, Any]) -> bool:
    return str(key["project_id"]).startswith("skyvend-sandbox")


CHECKS: dict[str, Callable[[dict[str, str]], list[InputProblem]]] = {
    Provider.AWS: _check_aws,
    Provider.AZURE: _check_azure,
    Provider.GCP: _check_gcp,
}
