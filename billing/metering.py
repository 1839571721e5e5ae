"""From lifetimes to charges: meters run while something exists, and every full hour is booked once.

A meter is what one line of a resource costs, at one rate, from a moment until another. Whoever knows the resource
says what it consists of from now on (:func:`run_meters`) or that it is gone (:func:`end_meters`). A pass
(:func:`book_usage`) then books, account by account and hour by hour, everything up to the last full hour: usage
records, their daily sums, one ledger entry and the part of the holds it eats up, in one transaction. A pass that is
killed, repeated or late therefore changes nothing: what is booked is booked, and the rest is still due.

The clock may jump: what happens at a moment replaces all that was said of later ones and is not booked yet, and
nothing happens before what is booked. So a resource's meters follow one another without a gap or an overlap.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Organization

from .alone import alone
from .models import ZERO, Account, BilledResource, EntryKind, Meter
from .quotes import newest_quote
from .services import append_entry, lock_account, lower_held
from .usage_sql import BOOK_HOUR

HOUR = timedelta(hours=1)
PASS_LOCK = 0x0B00_0CED  # advisory lock of the pass that the scheduler asks for every minute


@dataclass(frozen=True, slots=True)
class Facts:
    """What billing is told of a resource: how people call it and what its cost is grouped by."""

    reference: str
    name: str
    provider: str
    kind: str
    region: str
    cloud_account: str = ""
    cloud_account_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeteredLine:
    """One line of a quote as it is metered. ``quantity`` and prices are per ``unit``."""

    label: str
    sku: str
    region: str
    unit: str
    quantity: Decimal
    list_price: Decimal
    unit_price: Decimal
    currency: str
    catalogue: str
    is_paused_by_stop: bool = False


@dataclass(frozen=True, slots=True)
class Booked:
    """What a pass did: hours of accounts, usage records written, and the amount charged."""

    hours: int = 0
    records: int = 0
    amount: Decimal = ZERO

    def __add__(self, other: Booked) -> Booked:
        return Booked(self.hours + other.hours, self.records + other.records, self.amount + other.amount)


@transaction.atomic
def run_meters(*, organization: Organization, facts: Facts, lines: Sequence[MeteredLine], at: datetime) -> None:
    """From ``at`` on the resource consists of exactly ``lines``: what differs ends, what is new begins.

    Idempotent. Locks the account first, as everything here does.
    """
    account = lock_account(organization)
    billed, _ = BilledResource.objects.update_or_create(
        account=account,
        reference=facts.reference,
        defaults=_described(facts),
    )
    wanted = dict(_named(lines))
    at = _open_from(billed, at)
    kept = set()
    for meter in _meters_beyond(billed, at):
        if _goes_on(meter, wanted.get(meter.line), at):
            kept.add(meter.line)
        else:
            _cut(meter, at)
    for name, line in wanted.items():
        if name not in kept:
            _begin(billed, name, line, at)


def describe(*, organization: Organization, facts: Facts) -> None:
    """Keep new ``facts`` of something that is metered, or was; its past is grouped by them too. Idempotent."""
    rows = BilledResource.objects.filter(account__organization=organization, reference=facts.reference)
    rows.update(**_described(facts))


def run_quoted_meters(
    *, organization: Organization, facts: Facts, hourly: Decimal, at: datetime, is_stopped: bool = False
) -> None:
    """:func:`run_meters` with the lines of the newest quote at ``hourly`` kept for the reference.

    What was agreed is what runs; a newer quote at another price may be that of a change that never came about. Of what
    ``is_stopped`` only those lines run that a stop does not save.
    """
    quote = newest_quote(organization=organization, reference=facts.reference, hourly=hourly)
    lines = [_metered(line, quote.catalogue) for line in quote.lines] if quote is not None else []
    running = [line for line in lines if not (is_stopped and line.is_paused_by_stop)]
    run_meters(organization=organization, facts=facts, lines=running, at=at)


def is_running(*, organization: Organization, reference: str, **which: Any) -> bool:
    """Whether a meter of ``reference`` runs; ``which`` narrows it to fields of a meter."""
    running = Meter.objects.running().filter(account__organization=organization, resource__reference=reference)
    return running.filter(**which).exists()


@transaction.atomic
def pause_meters(*, organization: Organization, reference: str, at: datetime) -> None:
    """End what a stopped machine does not cost; the rest, its disk and address, runs on."""
    _end_running(organization, reference, at, Q(is_paused_by_stop=True))


@transaction.atomic
def end_meters(*, organization: Organization, reference: str, at: datetime) -> None:
    """The resource is gone since ``at``. Idempotent; nothing happens where nothing was metered."""
    _end_running(organization, reference, at, Q())


def book_usage(*, until: datetime | None = None) -> Booked:
    """Book every full hour that is due, up to ``until`` (now), of every account; return what was booked.

    Each account's hour is a transaction of its own, so a pass may be killed anywhere and another may run at once.
    Memory does not grow with the number of resources or hours: the database does the work. An account that cannot be
    booked keeps no other from it: what went wrong is raised at the end, as an ``ExceptionGroup``. A database that
    does not answer ends the pass at once (``OperationalError``).
    """
    until = (until or timezone.now()).replace(minute=0, second=0, microsecond=0)
    booked, problems = Booked(), []
    for account in _due_accounts(until):
        try:
            booked = sum(_book_account(account, until), booked)
        except (OperationalError, InterfaceError):
            raise
        except Exception as problem:  # noqa: BLE001  - raised below, once the others are booked
            problem.add_note(f"while booking the usage of organization {account}")
            problems.append(problem)
    if problems:
        raise ExceptionGroup("not every account could be booked", problems)
    return booked


def behind(now: datetime) -> timedelta:
    """How long the oldest hour that is over and not booked has been over; zero when all is on the books."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    oldest: datetime | None = Meter.objects.unbooked(this_hour).aggregate(at=Min("metered_until"))["at"]
    if oldest is None:
        return timedelta()
    return now - (oldest.replace(minute=0, second=0, microsecond=0) + HOUR)


def book_usage_alone() -> Booked | None:
    """:func:`book_usage`, unless another process or thread is doing this: then None, at once."""
    with alone(PASS_LOCK) as is_alone:
        return book_usage() if is_alone else None


def _due_accounts(until: datetime) -> QuerySet[Account, Any]:
    due = Meter.objects.unbooked(until).filter(account=OuterRef("pk"), starts_at__lt=until)
    return Account.objects.filter(Exists(due)).order_by("pk").values_list("organization", flat=True)


def _book_account(organization_id: Any, until: datetime) -> Iterator[Booked]:
    organization = Organization.objects.get(pk=organization_id)
    while booked := _book_next_hour(organization, until):
        yield booked


@transaction.atomic
def _book_next_hour(organization: Organization, until: datetime) -> Booked | None:
    """Book the earliest hour of the account that is due and over; None when there is none."""
    account = lock_account(organization)
    due = Meter.objects.unbooked(until).filter(account=account)
    earliest = due.order_by("metered_until").values_list("metered_until", flat=True).first()
    if earliest is None:
        return None
    hour = earliest.replace(minute=0, second=0, microsecond=0)
    entry_id = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(BOOK_HOUR, {"account": account.pk, "begin": hour, "end": hour + HOUR, "entry": entry_id})
        records, amount, taken = cursor.fetchone()
    if amount:
        append_entry(account, EntryKind.CHARGE, -amount, _entry_reference(account, hour), _describe(hour), pk=entry_id)
    if taken:
        lower_held(account, taken)
    return Booked(1, records, amount)


def _entry_reference(account: Account, hour: datetime) -> str:
    """Like "usage:2026-11-25T14", numbered when that hour was charged before and more came to light."""
    plain = f"usage:{hour:%Y-%m-%dT%H}"
    before = account.entries.filter(kind=EntryKind.CHARGE, reference__startswith=plain).count()
    return f"{plain}#{before + 1}" if before else plain


def _describe(hour: datetime) -> str:
    return f"Usage of {hour:%d %b %Y, %H:%M}–{hour + HOUR:%H:%M} UTC"


def _described(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in Facts.__slots__ if name != "reference"}


def _named(lines: Sequence[MeteredLine]) -> Iterator[tuple[str, MeteredLine]]:
    """Each line with its name: the SKU, numbered from the second of the same SKU on."""
    seen: dict[str, int] = {}
    for line in lines:
        seen[line.sku] = count = seen.get(line.sku, 0) + 1
        yield (line.sku if count == 1 else f"{line.sku}#{count}"), line


def _open_from(billed: BilledResource, at: datetime) -> datetime:
    """``at`` in whole seconds, or later: up to where the resource is booked, nothing can change any more."""
    booked = billed.meters.filter(metered_until__gt=F("starts_at")).aggregate(until=Max("metered_until"))["until"]
    at = at.replace(microsecond=0)
    return max(at, booked) if booked else at


def _meters_beyond(billed: BilledResource, at: datetime) -> QuerySet[Meter]:
    """Those that run at ``at`` or later: also what ended or began later than now, before the clock jumped back."""
    return billed.meters.filter(Q(ends_at=None) | Q(ends_at__gt=at))


def _goes_on(meter: Meter, line: MeteredLine | None, at: datetime) -> bool:
    if line is None or meter.ends_at is not None or meter.starts_at > at:
        return False
    rate = ("sku", "region", "unit", "quantity", "list_price", "unit_price", "currency", "is_paused_by_stop")
    return all(getattr(meter, name) == getattr(line, name) for name in rate)


def _cut(meter: Meter, at: datetime) -> None:
    """End ``meter`` at ``at``, up to where it is booked at most. One that did not run before goes."""
    if meter.starts_at >= at:
        meter.delete()
    else:
        Meter.objects.filter(pk=meter.pk).update(ends_at=at)


def _begin(billed: BilledResource, name: str, line: MeteredLine, at: datetime) -> None:
    Meter.objects.create(
        account_id=billed.account_id,
        resource=billed,
        line=name,
        starts_at=at,
        metered_until=at,
        **{each: getattr(line, each) for each in MeteredLine.__slots__},
    )


def _end_running(organization: Organization, reference: str, at: datetime, which: Q) -> None:
    account = lock_account(organization)
    for billed in account.billed_resources.filter(reference=reference):  # one, or none
        at = _open_from(billed, at)
        for meter in _meters_beyond(billed, at).filter(which):
            _cut(meter, at)


def _metered(line: dict[str, Any], catalogue: str) -> MeteredLine:
    """A line of a stored quote; older ones know neither discounts nor what a stop saves."""
    return MeteredLine(
        label=line["label"][:120],
        sku=line["sku"],
        region=line["region"],
        unit=line["unit"],
        quantity=Decimal(line["quantity"]),
        list_price=Decimal(line.get("list_price") or line["unit_price"]),
        unit_price=Decimal(line["unit_price"]),
        currency=line["currency"],
        catalogue=catalogue,
        is_paused_by_stop=line.get("is_paused_by_stop", False),
    )
