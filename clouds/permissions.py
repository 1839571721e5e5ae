"""What an account's keys must be allowed to do: what the offerings on the shelf need, and what the platform needs."""

from __future__ import annotations

from dataclasses import dataclass

from .models import Offering, OfferingVersion
from .providers import get_adapter


@dataclass(frozen=True, slots=True)
class Need:
    """Actions and what they are for, in words."""

    reason: str
    actions: list[str]
    is_optional: bool = False


def needs(provider: str) -> list[Need]:
    """Every permission of ``provider`` that is needed, grouped by what needs it."""
    offerings = Offering.objects.available().filter(provider=provider)
    versions = [offering.current for offering in offerings if offering.current is not None]
    found = [Need(version.title, _listed(version, "permissions")) for version in versions]
    found.append(Need("Finding what an interrupted run left behind", get_adapter(provider).platform_permissions()))
    found += [
        Need(f"{version.title}, some options", _listed(version, "optional_permissions"), True) for version in versions
    ]
    return [need for need in found if need.actions]


def needed_actions(provider: str) -> list[str]:
    """What no account can do without, as one sorted list."""
    return sorted({action for need in needs(provider) for action in need.actions if not need.is_optional})


def policy(provider: str) -> str:
    """A policy granting all of it, options included, to paste into the cloud's own console."""
    return get_adapter(provider).policy([action for need in needs(provider) for action in need.actions])


def _listed(version: OfferingVersion, key: str) -> list[str]:
    return sorted(set(version.manifest.get(key, [])))
