"""Asking Azure and Google in a process of its own: their SDKs cost up to 300 MB and four seconds.

The web checks an account once in a while and must not keep that. ``python -m clouds.providers.asking`` reads one
question as JSON on its standard input, answers on its standard output and ends; nothing secret is in its arguments,
its environment or what it prints. Workers, which need the SDKs anyway, ask in their own process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import azure, gcp
from .base import (
    Adapter,
    CloudError,
    CloudUnreachable,
    Credentials,
    CredentialsRefused,
    Identity,
    NotPermitted,
    Permissions,
)

LIGHT: dict[str, Callable[[str], Adapter]] = {"azure": azure.adapter, "gcp": gcp.adapter}
ERRORS = {error.__name__: error for error in (CredentialsRefused, CloudUnreachable, NotPermitted, CloudError)}
ALLOWED = ("PATH", "HOME", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PATIENCE = 60  # seconds
ROOT = Path(__file__).resolve().parents[2]


def is_asked_outside(provider: str) -> bool:
    """AWS's SDK is light, and loaded anyway."""
    return provider in LIGHT


def ask(
    provider: str, endpoint: str, credentials: Credentials, region: str, actions: Sequence[str]
) -> tuple[Identity, Permissions]:
    """``verify`` and ``probe`` of a provider's adapter. Raises what they raise."""
    question = {
        "provider": provider,
        "endpoint": endpoint,
        "credentials": dict(credentials),
        "region": region,
        "actions": list(actions),
    }
    answer = _answer_of(json.dumps(question))
    if error := answer.get("error"):
        raise ERRORS.get(error["type"], CloudUnreachable)(error["text"])
    return Identity(**answer["identity"]), Permissions(**answer["permissions"])


def _answer_of(question: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ALLOWED if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env={**environment, "DJANGO_SETTINGS_MODULE": ""},
            input=question,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a traceback of an SDK may quote the request
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise CloudUnreachable("The cloud could not be asked: it did not answer in time. Try again.") from None
    return answer


def _answered(question: dict[str, Any]) -> dict[str, Any]:
    adapter = LIGHT[question["provider"]](question["endpoint"])
    credentials, region = question["credentials"], question["region"]
    try:
        identity = adapter.verify(credentials, region)
    except CloudError as error:
        return {"error": {"type": type(error).__name__, "text": str(error)}}
    try:
        permissions = adapter.probe(credentials, region, question["actions"])
    except CloudError:  # the keys are good; what they may do could not be found out
        permissions = Permissions(missing=[], unchecked=question["actions"])
    return {"identity": asdict(identity), "permissions": asdict(permissions)}


if __name__ == "__main__":
    json.dump(_answered(json.load(sys.stdin)), sys.stdout)
