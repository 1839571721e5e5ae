"""Every error of the API as RFC 9457 ``application/problem+json``.

Nothing here may import ``rest_framework.views``: that module loads our authentication classes, which need this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from accounts.origins import current_request_id

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="api", Token realm="api"'
INVALID = "Some of the input is not valid; see errors."
# What input that no field caught does further down: NUL bytes and huge numbers in PostgreSQL, lone surrogates in
# UTF-8, nesting in the JSON parser. The caller's fault, not ours.
UNUSABLE_INPUT = (DataError, UnicodeEncodeError, RecursionError, OverflowError, UnreadablePostError)
REFUSALS: dict[type[Exception] | tuple[type[Exception], ...], tuple[int, str, str]] = {
    RequestDataTooBig: (413, "too_large", "The request is too large."),
    SuspiciousOperation: (400, "bad_request", "The request cannot be understood."),
    UNUSABLE_INPUT: (400, "invalid", "The input holds something that cannot be processed."),
    RedisError: (503, "unavailable", "A part of the platform cannot be reached; try again."),
}
NEXT: dict[type[Exception], str] = {  # what to do, where DRF only says what is wrong
    exceptions.NotAuthenticated: (
        "Send the header Authorization: Token <API token>, or Bearer <access token of POST /api/v1/auth/login>."
    ),
    exceptions.UnsupportedMediaType: "Send application/json.",
    exceptions.NotAcceptable: "Accept application/json.",
}
FieldError = dict[str, str]  # field, code, detail


class Problem(exceptions.APIException):
    """Raise it anywhere in an API view to answer ``status`` with a problem document.

    ``code`` names the problem for programs; ``errors`` are ``{field, code, detail}``; ``extra`` are further members
    (RFC 9457 extension members), JSON values.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        title: str = "",
        errors: list[FieldError] | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.status_code = status
        self.code = code
        self.title = title
        self.errors = errors
        self.wait = retry_after
        self.extra = extra or {}


def handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None for what is a bug of ours: Django then logs it and answers 500."""
    error = _as_api_exception(error)
    if not isinstance(error, exceptions.APIException):
        return None
    return Response(_document_of(error), error.status_code, headers=_headers_of(error), content_type=MEDIA_TYPE)


def respond(request: HttpRequest, status: int, code: str, title: str, detail: str) -> JsonResponse:
    """A problem document outside DRF: for Django's own 400, 403, 404 and 500 below /api/."""
    return JsonResponse(document(status, code, detail, title=title), status=status, content_type=MEDIA_TYPE)


def document(
    status: int, code: str, detail: str, *, title: str = "", errors: list[FieldError] | None = None
) -> dict[str, Any]:
    """The members of a problem document."""
    members: dict[str, Any] = {
        "type": f"urn:skyvend:problem:{code}",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": clean(detail),
        "code": code,
    }
    if errors is not None:
        members["errors"] = [{key: clean(value) for key, value in one.items()} for one in errors]
    if request_id := current_request_id():
        members["request_id"] = request_id
    return members


def clean(text: object) -> str:
    """Text that any JSON encoder and UTF-8 can carry, even when it quotes the caller's input."""
    return str(text).encode("utf-8", "replace").decode()[:1000]


def flatten(detail: Any, field: str = "") -> Iterator[FieldError]:
    """DRF's nested error detail as ``{field, code, detail}``; fields are dotted paths, "" is the whole input."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from flatten(value, ".".join(part for part in (field, name) if part))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, (Mapping, list))
            yield from flatten(value, f"{field}.{index}".lstrip(".") if nested else field)
    else:
        yield {"field": field, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def _headers_of(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = CHALLENGE
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return headers


def _document_of(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, Problem):
        members = document(error.status_code, error.code, str(error.detail), title=error.title, errors=error.errors)
        return {**error.extra, **members}
    if isinstance(error, exceptions.ValidationError):
        return document(error.status_code, "invalid", INVALID, errors=list(flatten(error.detail)))
    detail: Any = error.detail
    while isinstance(detail, (dict, list)):
        detail = next(iter(detail.values() if isinstance(detail, dict) else detail), "")
    told = f"{detail} {NEXT.get(type(error), '')}".strip()
    return document(error.status_code, getattr(detail, "code", error.default_code), told)


def _as_api_exception(error: Exception) -> Exception:
    if isinstance(error, DjangoPermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, DjangoValidationError):
        return exceptions.ValidationError(error.message_dict if hasattr(error, "error_dict") else error.messages)
    if isinstance(error, Http404):
        # Django's messages name models and are no help to a caller; ours are plain sentences
        text = str(error)
        return exceptions.NotFound(text if text.endswith(".") and "matches" not in text else None)
    for kind, problem in REFUSALS.items():
        if isinstance(error, kind):
            return Problem(*problem)
    return error
