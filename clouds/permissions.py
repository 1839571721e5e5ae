"""What an account's keys must be allowed to do: what the offerings on the shelf need, and what the platform needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import spending
from .models import CloudAccount, Offering, OfferingVersion, Provider
from .providers import get_adapter

BILL_REASON = "Comparing with what the cloud itself bills"
METRICS_REASON = "Seeing how busy machines are, to propose a better size"


@dataclass(frozen=True, slots=True)
class Need:
    """Actions and what they are for, in words."""

    reason: str
    actions: list[str]
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Lack:
    """What an account's keys lack for one purpose."""

    reason: str
    missing: list[str]
    unchecked: list[str]
    is_optional: bool


def needs(provider: str) -> list[Need]:
    """Every permission of ``provider`` that is needed, grouped by what needs it."""
    adapter = get_adapter(provider)
    offerings = Offering.objects.available().filter(provider=provider)
    versions = [offering.current for offering in offerings if offering.current is not None]
    found = [Need(version.title, _listed(version, "permissions")) for version in versions]
    found.append(Need("Finding what an interrupted run left behind", adapter.platform_permissions()))
    found.append(Need(METRICS_REASON, adapter.metrics_permissions(), is_optional=True))
    found.append(Need(BILL_REASON, spending.PERMISSIONS[Provider(provider)], is_optional=True))
    found += [
        Need(f"{version.title}, some options", _listed(version, "optional_permissions"), True) for version in versions
    ]
    return [
        replace(need, actions=[*need.actions, *adapter.presupposed(need.actions)]) for need in found if need.actions
    ]


def missing_by_offering(account: CloudAccount) -> list[Lack]:
    """What the last check of ``account`` found missing or could not tell, grouped by what it is needed for."""
    missing, unchecked = set(account.missing_permissions), set(account.unchecked_permissions)
    lacks = [
        Lack(
            reason=need.reason,
            missing=[action for action in need.actions if action in missing],
            unchecked=[action for action in need.actions if action in unchecked],
            is_optional=need.is_optional,
        )
        for need in needs(account.provider)
    ]
    return [lack for lack in lacks if lack.missing or lack.unchecked]


def needed_actions(provider: str) -> list[str]:
    """What no account can do without, as one sorted list."""
    return sorted({action for need in needs(provider) for action in need.actions if not need.is_optional})


def policy(provider: str) -> str:
    """A policy granting all of it, options included, to paste into the cloud's own console."""
    return get_adapter(provider).policy([action for need in needs(provider) for action in need.actions])


def _listed(version: OfferingVersion, key: str) -> list[str]:
    return sorted(set(version.manifest.get(key, [])))
