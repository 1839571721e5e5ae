"""Which call of which service a request is, in AWS's own words ("ec2", "RunInstances").

Source: botocore's service models; AWS Signature Version 4 (the credential scope names the service).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.session import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

SCOPE = re.compile(r"Credential=(?P<key>[A-Z0-9]+)/\d{8}/[a-z0-9-]*/(?P<service>[a-z0-9-]+)/aws4_request")
REST_MODELS = {"s3": "s3", "eks": "eks"}  # services whose calls are told by method and path: signing name, model
SESSION = Session()


@dataclass(frozen=True)
class Call:
    """``protocol`` is botocore's word for how its errors are written."""

    service: str
    operation: str
    access_key: str
    protocol: str


def name(request: Request, form: Mapping[str, str]) -> Call | None:
    """The call, told by its signature, ``form`` (its body, where that is one) or address; None for an unsigned one."""
    scope = SCOPE.search(request.headers.get("Authorization", ""))
    if scope is None:
        return None
    key, service = scope["key"], scope["service"]
    if "X-Amz-Target" in request.headers:
        return Call(service, request.headers["X-Amz-Target"].rpartition(".")[2], key, "json")
    if "Action" in form:
        return Call(service, form["Action"], key, "ec2" if service == "ec2" else "query")
    if service in REST_MODELS:
        found = _by_path(service, request.method, request.path.rstrip("/") or "/", request.args)
        return Call(service, found, key, "rest-xml" if service == "s3" else "rest-json")
    return Call(service, "", key, "json")


def _by_path(service: str, method: str, path: str, given: MultiDict[str, str]) -> str:
    """The operation with the most specific address that fits; "" for none."""
    fitting = [
        (len(wanted), len(pattern.pattern), operation)
        for operation, its_method, pattern, wanted in _addresses(service)
        if its_method == method and wanted <= given.keys() and pattern.fullmatch(path)
    ]
    return max(fitting)[2] if fitting else ""


@cache
def _addresses(service: str) -> list[tuple[str, str, re.Pattern[str], frozenset[str]]]:
    model = SESSION.get_service_model(REST_MODELS[service])
    found = []
    for operation in model.operation_names:
        http: dict[str, Any] = model.operation_model(operation).http
        path, _, query = http["requestUri"].partition("?")
        wanted = frozenset(part.partition("=")[0] for part in query.split("&") if part)
        found.append((operation, http["method"], _pattern(path), wanted))
    return found


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join(_word(part) for part in parts))


def _word(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return ".+" if part.endswith("+}") else "[^/]+"  # "{Key+}" may hold slashes
