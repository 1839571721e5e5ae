"""What an account's keys must be allowed to do: what the offerings on the shelf need, and what the platform needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .models import Offering
from .providers import get_adapter


@dataclass(frozen=True, slots=True)
class Need:
    """Actions and what they are for, in words."""

    reason: str
    actions: list[str]


def needs(provider: str) -> list[Need]:
    """Every permission of ``provider`` that is needed, grouped by what needs it."""
    offerings = Offering.objects.available().filter(provider=provider)
    found = [
        Need(version.title, sorted(set(_actions(version.manifest.get("permissions", [])))))
        for version in (offering.current for offering in offerings)
        if version is not None
    ]
    platform = Need("Finding what an interrupted run left behind", get_adapter(provider).platform_permissions())
    return [need for need in [*found, platform] if need.actions]


def needed_actions(provider: str) -> list[str]:
    """All of :func:`needs` as one sorted list."""
    return sorted({action for need in needs(provider) for action in need.actions})


def policy(provider: str) -> str:
    """A policy granting all of it, to paste into the cloud's own console."""
    return get_adapter(provider).policy(needed_actions(provider))


def _actions(listed: Any) -> Iterator[str]:
    """The actions of a manifest's ``permissions``: a list, or tables of lists."""
    if isinstance(listed, str):
        yield listed
    elif isinstance(listed, dict):
        for inner in listed.values():
            yield from _actions(inner)
    elif isinstance(listed, list):
        for inner in listed:
            yield from _actions(inner)
