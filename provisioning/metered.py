"""What billing is told of resources: that one costs from now on, what of it, and that it no longer does."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from billing import metering
from billing.metering import Facts

from .models import Resource, ResourceStatus


def start(resource: Resource, *, at: datetime | None = None) -> None:
    """``resource`` costs what was agreed, from ``at`` (now) on; what it cost before ends then.

    One that is stopped costs only what a stop does not save.
    """
    _run(resource, at=at or timezone.now(), is_stopped=resource.status == ResourceStatus.STOPPED)


def reprice(resource: Resource, *, at: datetime) -> None:
    """Like :func:`start`, but what a stop ended stays ended, whatever happened to the machine since."""
    organization, reference = resource.organization, resource.hold_reference
    is_on = metering.is_running(organization=organization, reference=reference, is_paused_by_stop=True)
    _run(resource, at=at, is_stopped=not is_on)


def _run(resource: Resource, *, at: datetime, is_stopped: bool) -> None:
    metering.run_quoted_meters(
        organization=resource.organization,
        facts=facts_of(resource),
        hourly=resource.hourly_cost,
        at=at,
        is_stopped=is_stopped,
    )


def is_running(resource: Resource) -> bool:
    """Whether anything of ``resource`` costs now."""
    return metering.is_running(organization=resource.organization, reference=resource.hold_reference)


def end(resource: Resource) -> None:
    """``resource`` is gone, or no longer ours to pay for: its costs end when it went, so set ``gone_at`` first."""
    metering.end_meters(
        organization=resource.organization,
        reference=resource.hold_reference,
        at=resource.gone_at or timezone.now(),
    )


def describe(resource: Resource) -> None:
    """What ``resource`` is called and grouped by, from now on; nothing happens where nothing was ever metered."""
    metering.describe(organization=resource.organization, facts=facts_of(resource))


def facts_of(resource: Resource) -> Facts:
    account = resource.cloud_account
    return Facts(
        reference=resource.hold_reference,
        name=resource.name,
        provider=resource.provider,
        kind=resource.kind,
        region=resource.region,
        cloud_account=str(account.pk) if account else "",
        cloud_account_name=account.name if account else "",
        tags=resource.tags,
    )
