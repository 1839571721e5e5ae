"""Credentials as people paste them: cleaned, and refused with a reason before any cloud is asked.

No text made here ever quotes a value: whoever swaps two fields would read their secret in an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from clouds.models import Provider

from . import aws, azure, gcp
from .base import (
    ASSUME_ROLE,
    OIDC,
    CredentialField,
    CredentialMethod,
    InputProblem,
    InvalidCredentials,
    clean_value,
)

__all__ = [
    "ASSUME_ROLE",
    "METHODS",
    "OIDC",
    "CredentialField",
    "CredentialMethod",
    "InputProblem",
    "InvalidCredentials",
    "clean_credentials",
    "hint_of",
    "method_of",
    "offered_methods",
]

# The first of a provider's methods is the one meant where none is named, in the API as in stored credentials.
METHODS: dict[str, tuple[CredentialMethod, ...]] = {
    Provider.AWS: aws.METHODS,
    Provider.AZURE: azure.METHODS,
    Provider.GCP: gcp.METHODS,
}
SAFE_NAME = re.compile(r"[a-z][a-z_]{0,39}")


def offered_methods(provider: str) -> list[CredentialMethod]:
    """The methods that work on this platform."""
    return [method for method in METHODS[provider] if method.is_offered()]


def method_of(provider: str, name: str = "") -> CredentialMethod:
    """The provider's method of this name, or its usual one. Raises ``LookupError``."""
    for method in METHODS[provider]:
        if name in {method.name, ""}:
            return method
    raise LookupError(f"{provider} has no such method")


def clean_credentials(provider: str, raw: object) -> dict[str, str]:
    """The credentials without what pasting adds, complete and of the right shape.

    ``method`` stays among them unless it is the provider's usual one. Raises :class:`InvalidCredentials`. Whether
    the cloud accepts them is for its adapter to find out.
    """
    if provider not in METHODS:
        detail = f"This provider is not offered; there are: {', '.join(METHODS)}."
        raise InvalidCredentials([InputProblem("provider", "unknown", detail)])
    if not isinstance(raw, Mapping):
        raise InvalidCredentials([InputProblem("credentials", "invalid", "Must be an object of names and values.")])
    method = _chosen(provider, raw.get("method"))
    values = _clean_values(method, {name: value for name, value in raw.items() if name != "method"})
    kept = {name: value for name, value in values.items() if value}
    return kept if method is METHODS[provider][0] else {"method": method.name, **kept}


def hint_of(provider: str, credentials: Mapping[str, str]) -> str:
    """Enough to tell credentials apart, too little to use: "AKIA…MPLE", or the service account's address."""
    return method_of(provider, credentials.get("method", "")).hint(credentials)


def _chosen(provider: str, name: object) -> CredentialMethod:
    named = {method.name: method for method in METHODS[provider]}
    if name is None or name == "":
        return METHODS[provider][0]
    if not isinstance(name, str) or name not in named:
        allowed = ", ".join(method.name for method in offered_methods(provider))
        detail = f"There is no such method; there are: {allowed}."
        raise InvalidCredentials([InputProblem("credentials.method", "unknown", detail)])
    if not named[name].is_offered():
        raise InvalidCredentials([InputProblem("credentials.method", "not_offered", named[name].not_offered)])
    return named[name]


def _clean_values(method: CredentialMethod, raw: Mapping[Any, Any]) -> dict[str, str]:
    raw = _by_our_names(method, raw)
    errors = _unknown_names(method, raw)
    values: dict[str, str] = {}
    for spec in method.fields:
        try:
            values[spec.name] = clean_value(spec, raw.get(spec.name))
        except ValueError as error:
            errors.append(InputProblem(f"credentials.{spec.name}", "invalid", str(error)))
    if not errors:
        errors = method.check(values)
    if errors:
        raise InvalidCredentials(errors)
    return values


def _by_our_names(method: CredentialMethod, raw: Mapping[Any, Any]) -> dict[Any, Any]:
    """``raw`` with other tools' names replaced by ours, unless ours is there as well."""
    ours = {name: method.other_names.get(name, name) for name in raw}
    return {name if ours[name] in raw else ours[name]: value for name, value in raw.items()}


def _unknown_names(method: CredentialMethod, raw: Mapping[Any, Any]) -> list[InputProblem]:
    known = [spec.name for spec in method.fields]
    unknown = [name for name in raw if name not in known]
    if not unknown:
        return []
    readable = [name for name in unknown[:3] if isinstance(name, str) and SAFE_NAME.fullmatch(name)]
    named = f" ({', '.join(readable)})" if readable else ""
    return [InputProblem("credentials", "unknown", f"Unknown entry{named}. Allowed: {', '.join(known)}.")]
