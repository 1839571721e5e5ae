"""Azure: an application's client secret, or an application that trusts the platform's tokens."""

from __future__ import annotations

import re

from .base import OIDC, CredentialField, CredentialMethod, InputProblem, Values, invalid, shortened

AZURE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
IDS = {"client_id": "the application", "tenant_id": "the directory (tenant)", "subscription_id": "the subscription"}
OTHER_NAMES = {"appid": "client_id", "password": "client_secret", "tenant": "tenant_id"}


def _check_ids(values: Values) -> list[InputProblem]:
    malformed = [name for name in IDS if not AZURE_ID.fullmatch(values[name])]
    problems = [invalid(name, _not_an_id(values[name])) for name in malformed]
    return problems or _twice(values)


def _not_an_id(value: str) -> str:
    if value.startswith("/subscriptions/"):
        return "Paste only the ID, without /subscriptions/ before it."
    if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", value, re.IGNORECASE):
        return "This is a domain's name; Entra ID shows the directory's ID beside it."
    return "Must be an ID like 0f1e2d3c-0000-4000-8000-0123456789ab."


def _twice(values: Values) -> list[InputProblem]:
    """One ID in two fields: at least one of them is another's."""
    seen: dict[str, str] = {}
    for name in IDS:
        first = seen.setdefault(values[name].lower(), name)
        if first != name:
            detail = f"This is the same ID as that of {IDS[first]}: one of the two is wrong."
            return [invalid(name, detail, "duplicate")]
    return []


def _check_secret(values: Values) -> list[InputProblem]:
    if AZURE_ID.fullmatch(values["client_secret"]) and not AZURE_ID.fullmatch(values["client_id"]):
        detail = "This is not an ID, and the secret's field holds one: the two are swapped."
        return [invalid("client_id", detail, "swapped")]
    problems = _check_ids(values)
    if AZURE_ID.fullmatch(values["client_secret"]):
        detail = "This is the secret's ID; Azure shows its value beside it, only once. Make a new secret if it is lost."
        problems.append(invalid("client_secret", detail))
    return problems


CLIENT = CredentialField("client_id", "Application (client) ID", False, help="In Entra ID, on the app registration.")
PLACE = (
    CredentialField("tenant_id", "Directory (tenant) ID", False),
    CredentialField("subscription_id", "Subscription ID", False),
)
SECRET = CredentialField("client_secret", "Client secret value", True, help="The value, not the secret's ID.")
METHODS = (
    CredentialMethod(
        "client_secret", "Client secret", (CLIENT, SECRET, *PLACE), _check_secret, shortened("client_id"), OTHER_NAMES
    ),
    CredentialMethod(
        OIDC, "Key-less (OIDC)", (CLIENT, *PLACE), _check_ids, shortened("client_id"), OTHER_NAMES, is_keyless=True
    ),
)
