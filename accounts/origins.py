"""Where a request comes from: what the audit trail and the rate limits know about the other side."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMeta:
    """Origin of one request. ``ip`` is None when it is not known (a unix socket, a command)."""

    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


def meta_of(request: HttpRequest) -> RequestMeta:
    """Origin of an HTTP request, honouring ``settings.TRUSTED_PROXIES``."""
    meta = request.META
    return RequestMeta(
        ip=client_ip(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR")),
        user_agent=_printable(meta.get("HTTP_USER_AGENT", "")),
        request_id=current_request_id(),
    )


def meta_of_scope(scope: Mapping[str, Any]) -> RequestMeta:
    """Origin of an ASGI connection (WebSockets), by the same rules as :func:`meta_of`."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", [])}
    client = scope.get("client") or [None]
    return RequestMeta(
        ip=client_ip(client[0], headers.get("x-forwarded-for")),
        user_agent=_printable(headers.get("user-agent", "")),
    )


def client_ip(remote_address: str | None, forwarded_for: str | None) -> str | None:
    """The client's address: the peer, or the hop that the outermost of our own proxies saw.

    Entries of X-Forwarded-For further left than ``settings.TRUSTED_PROXIES`` are the client's own claims; they are
    ignored. A list shorter than that did not pass all our proxies: the peer's address is the only thing to believe.
    """
    hops = [hop.strip() for hop in (forwarded_for or "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return _valid_ip(hops[-trusted]) or _valid_ip(remote_address)
    return _valid_ip(remote_address)


def current_request_id() -> str:
    """The id under which the running request is logged; empty outside a request."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _valid_ip(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address((text or "").strip("[]").partition("%")[0]))
    except ValueError:
        return None


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:255]
