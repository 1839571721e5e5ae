"""Looking at a cloud account's machines: read how busy they were, judge their sizes, keep what came of it.

The cloud is asked outside any transaction. What is kept replaces what an earlier look kept, resource by resource: to
look twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.quotes import PriceMissing, QuotedPrice
from clouds import inputs as cloud_inputs
from clouds import sizes
from clouds.issuer import Purpose
from clouds.models import CloudAccount, CloudAccountStatus, Kind, OfferingVersion
from clouds.providers import CloudError
from clouds.sizes import Size
from clouds.utilisation import Metric, Utilisation, read_utilisation
from provisioning.models import (
    Operation,
    Resource,
    ResourceStatus,
    Run,
    RunStatus,
    SizingProposal,
    SizingReading,
    SizingStatus,
    SizingVerdict,
)

from . import fitting
from .fitting import Judgement, Load

LOOK_LOCK = 0x0517_1260  # advisory lock: one process looks at a time
WINDOW = timedelta(days=14)
LOOK_EVERY = timedelta(hours=20)  # so that a daily look does not wander through the day
DISMISSED_FOR = timedelta(days=90)  # what people decided against is not said again before
MACHINE_ID = "instance_id"  # the output of every module of a machine
USABLE = (CloudAccountStatus.VERIFIED, CloudAccountStatus.LIMITED)

Pricing = Callable[[Resource, OfferingVersion, Mapping[str, Any]], QuotedPrice]
Used = Mapping[Metric, Utilisation]


@dataclass(frozen=True, slots=True)
class Looked:
    """How many machines were looked at, with which verdicts."""

    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def machines(self) -> int:
        return sum(self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Window:
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found of one machine."""

    resource: Resource
    window: Window
    judgement: Judgement
    used: Used = field(default_factory=dict)
    load: Load | None = None
    current: Size | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The cheapest of the sizes that fit, and what it would cost."""

    size: Size
    inputs: dict[str, Any]
    quoted: QuotedPrice


def machines() -> QuerySet[Resource]:
    """What can be looked at: machines that run, on accounts whose keys work."""
    rows = Resource.objects.filter(
        kind=Kind.VM, status=ResourceStatus.ACTIVE, cloud_account__isnull=False, cloud_account__status__in=USABLE
    )
    return rows.select_related("offering_version__offering", "organization").defer("sealed_outputs")


def accounts_due(now: datetime) -> QuerySet[CloudAccount]:
    """Accounts with a machine that was not looked at for most of a day."""
    never = Q(sizing_reading__isnull=True)
    due = machines().filter(never | Q(sizing_reading__read_at__lt=now - LOOK_EVERY))
    return CloudAccount.objects.defer("credentials").filter(pk__in=due.values("cloud_account_id")).order_by("pk")


def look_at(account: CloudAccount, *, price: Pricing, now: datetime | None = None) -> Looked:
    """Look at every machine of ``account`` and keep a reading, and perhaps a proposal, of each.

    An account that cannot be read makes readings that say so. ``price`` tells what a resource would cost with other
    inputs; it may raise ``PriceMissing``.
    """
    at = now or timezone.now()
    counts: dict[str, int] = {}
    for found in _found(account, at):
        verdict = _kept(found, price=price, at=at)
        counts[verdict] = counts.get(verdict, 0) + 1
    return Looked(counts)


def could_not_look(account: CloudAccount, *, now: datetime | None = None) -> None:
    """Keep that looking at ``account`` broke off, so that it is tried again tomorrow and not at once."""
    at = now or timezone.now()
    words = "The platform could not make sense of what the cloud answered. Your operator finds it in the logs."
    for row in machines().filter(cloud_account=account):
        _keep_reading(Found(row, Window(at - WINDOW, at), Judgement(SizingVerdict.UNREADABLE, words)), at)


def _found(account: CloudAccount, at: datetime) -> Iterator[Found]:
    """Machines by region and window; each group is one question to the cloud."""
    rows = list(machines().filter(cloud_account=account).order_by("pk"))
    since = _changed_at(rows)
    last = at.replace(minute=0, second=0, microsecond=0)
    windows = {row.pk: Window(max(since.get(row.pk, last - WINDOW), last - WINDOW), last) for row in rows}

    def group(row: Resource) -> tuple[str, datetime]:
        return row.region, windows[row.pk].first

    for (region, first), some in groupby(sorted(rows, key=group), key=group):
        yield from _group(account, region, Window(first, last), list(some))


def _group(account: CloudAccount, region: str, window: Window, rows: list[Resource]) -> Iterator[Found]:
    ids = {row.pk: str(row.outputs.get(MACHINE_ID) or "") for row in rows}
    known = [machine for machine in ids.values() if machine]
    try:
        read = _read(account, region, window, known)
    except CloudError as error:
        verdict = Judgement(SizingVerdict.UNREADABLE, str(error)[:500])
        yield from (Found(row, window, verdict) for row in rows)
        return
    for row in rows:
        yield _judged(row, window, read.get(ids[row.pk], {}))


def _read(account: CloudAccount, region: str, window: Window, known: list[str]) -> Mapping[str, Used]:
    if not known or window.first >= window.last:
        return {}
    return read_utilisation(
        cloud_account_id=account.pk,
        region=region,
        machines=known,
        first=window.first,
        last=window.last,
        purpose=Purpose(word="sizing"),
    )


def _judged(resource: Resource, window: Window, used: Used) -> Found:
    version = resource.offering_version
    current = sizes.current_size(version, resource.inputs)
    if current is None:
        gone = Judgement(SizingVerdict.NOTHING_BETTER, "Its machine type is not in the catalogue any more.")
        return Found(resource, window, gone, used)
    load = fitting.load_of(resource.provider, current.machine, used)
    judgement = fitting.judge(current, sizes.other_sizes(version, resource.inputs), load)
    return Found(resource, window, judgement, used, load, current)


def _changed_at(rows: Iterable[Resource]) -> dict[Any, datetime]:
    """When each machine became what it is: percentages of another machine must not count."""
    runs = Run.objects.filter(resource__in=list(rows), operation=Operation.UPDATE, status=RunStatus.SUCCEEDED)
    changed: dict[Any, datetime] = {}
    for run in runs.order_by("finished_at").only("resource_id", "inputs", "previous", "finished_at"):
        before = run.previous.get("inputs") or {}
        if run.finished_at and any(before.get(name) != run.inputs.get(name) for name in ("size", "machine_type")):
            changed[run.resource_id] = run.finished_at
    return changed


def _kept(found: Found, *, price: Pricing, at: datetime) -> SizingVerdict:
    """Write the reading and what it means for proposals, under the resource's lock; the verdict it ended with."""
    choice, found = _chosen(found, price)
    with transaction.atomic():
        resource = Resource.objects.select_for_update(of=("self",)).only("status", "inputs").get(pk=found.resource.pk)
        if resource.status != ResourceStatus.ACTIVE or resource.inputs != found.resource.inputs:
            return found.judgement.verdict  # it was changed meanwhile: tomorrow's look sees it as it is
        if choice is not None and _was_dismissed(found, choice, at):
            dismissed = "You decided against it. It is proposed again after 90 days, or for another machine."
            choice, found = None, replace(found, judgement=Judgement(SizingVerdict.DISMISSED, dismissed))
        if found.judgement.verdict != SizingVerdict.UNREADABLE:  # which says nothing of the machine
            _keep_proposal(found, choice, at)
        _keep_reading(found, at)
    return found.judgement.verdict


def _chosen(found: Found, price: Pricing) -> tuple[Choice | None, Found]:
    """The cheapest that fits; without one that may be taken, the judgement says so instead."""
    if found.judgement.verdict != SizingVerdict.PROPOSED or found.current is None:
        return None, found
    resource, version = found.resource, found.resource.offering_version
    choices = []
    for size in found.judgement.fitting:
        inputs = {**resource.inputs, size.field: size.value}
        if all(change.in_place for change in cloud_inputs.changes(version, resource.inputs, inputs)):
            choices += _priced(resource, size, inputs, price)
    is_smaller = found.judgement.direction == "smaller"
    choices = [each for each in choices if not is_smaller or each.quoted.monthly < resource.monthly_cost]
    if not choices:
        than = " for less money" if is_smaller else ""
        words = f"Another machine of its family would do, but it cannot change to one in place{than}."
        return None, replace(found, judgement=Judgement(SizingVerdict.NOTHING_BETTER, words))
    return min(choices, key=lambda each: (each.quoted.monthly, -each.size.machine.memory_gib)), found


def _priced(resource: Resource, size: Size, inputs: dict[str, Any], price: Pricing) -> list[Choice]:
    try:
        return [Choice(size, inputs, price(resource, resource.offering_version, inputs))]
    except PriceMissing:
        return []


def _was_dismissed(found: Found, choice: Choice, at: datetime) -> bool:
    assert found.current is not None
    return SizingProposal.objects.filter(
        resource=found.resource,
        status=SizingStatus.DISMISSED,
        from_machine=found.current.machine.name,
        to_machine=choice.size.machine.name,
        closed_at__gt=at - DISMISSED_FOR,
    ).exists()


def _keep_proposal(found: Found, choice: Choice | None, at: datetime) -> None:
    """Bring the open proposal up to date, or close it and open another."""
    mine = SizingProposal.objects.filter(resource=found.resource).open()
    values = _values(found, choice, at) if choice is not None else {}
    machines = {name: values.get(name, "") for name in ("from_machine", "to_machine")}
    mine.exclude(**machines).update(status=SizingStatus.STALE, closed_at=at)
    if values and not mine.filter(**machines).update(**values):
        SizingProposal.objects.create(organization=found.resource.organization, resource=found.resource, **values)


def _values(found: Found, choice: Choice, at: datetime) -> dict[str, Any]:
    current, load, resource = found.current, found.load, found.resource
    assert current is not None
    assert load is not None
    size = choice.size
    expected = {"cpu_p95": _rounded(load.cpu_on(size.machine)), "memory_p95": _rounded(load.memory_on(size.machine))}
    return {
        "direction": found.judgement.direction,
        "from_inputs": {current.field: current.value},
        "to_inputs": {size.field: size.value},
        "from_machine": current.machine.name,
        "to_machine": size.machine.name,
        "first": found.window.first,
        "last": found.window.last,
        "figures": {**_figures(found), "expected": expected, "confidence": fitting.confidence_of(load)},
        "reason": fitting.reason_of(current, size, load),
        "caution": fitting.caution_of(current, size, load),
        "monthly_before": resource.monthly_cost,
        "monthly_after": choice.quoted.monthly,
        "saving": resource.monthly_cost - choice.quoted.monthly,
        "currency": choice.quoted.currency,
        "made_at": at,
    }


def _keep_reading(found: Found, at: datetime) -> None:
    SizingReading.objects.update_or_create(
        resource=found.resource,
        defaults={
            "organization": found.resource.organization,
            "read_at": at,
            "first": found.window.first,
            "last": found.window.last,
            "verdict": found.judgement.verdict,
            "detail": found.judgement.detail,
            "figures": _figures(found),
        },
    )


def _figures(found: Found) -> dict[str, Any]:
    """Of each metric what was read, as the cloud counts it."""
    return {
        metric.value: {
            "mean": _rounded(used.mean),
            "p95": _rounded(used.p95),
            "max": _rounded(used.maximum),
            "hours": used.hours,
        }
        for metric, used in found.used.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
