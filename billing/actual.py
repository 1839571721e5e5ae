"""Keeping what the clouds bill: a reading begins, and then replaces the days it read, or fails with the reason.

Days are replaced as a whole and in one transaction, so a page never shows half a bill, a repeated reading changes
nothing, and a failed one leaves what was known. Whatever the bill holds is kept, matched to a resource or not.
"""

from __future__ import annotations

import calendar
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organization

from .models import Account, ActualCost, BilledResource, ChargeCategory, CostImport, CostImportStatus
from .money import rounded
from .services import account_of

CLOSED_ON = 10  # day of the month on which the bill of the month before counts as final
SILENT = timedelta(hours=1)  # after which a reading that did not end was interrupted
ROWS_AT_ONCE = 1000
INTERRUPTED = "This reading was interrupted; the next one reads the same days."


class ImportRunning(Exception):
    """Another reading of this cloud account's bill is going on."""


@dataclass(frozen=True, slots=True)
class ActualLine:
    """One line of a bill as billing keeps it. ``reference`` is our resource's, empty for none; costs as in FOCUS."""

    day: date
    service_name: str
    service_category: str
    billed_cost: Decimal
    currency: str
    reference: str = ""
    charge_category: str = ChargeCategory.USAGE
    region: str = ""
    sku: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    list_cost: Decimal | None = None  # None: the cloud does not say, what is billed stands for it
    contracted_cost: Decimal | None = None
    effective_cost: Decimal | None = None
    external_resource_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    is_estimated: bool = False

    @property
    def key(self) -> str:
        """Which line of its day this is: everything about it but quantity and costs."""
        parts = [
            self.service_name, self.charge_category, self.region, self.sku, self.unit, self.currency, self.reference,
            self.external_resource_id, sorted(self.tags.items()),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def open_since(today: date) -> date:
    """The first day whose bill may still change: of this month, or of the one before until ``CLOSED_ON``."""
    first = today.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1) if today.day <= CLOSED_ON else first


def days_to_read(account: Account, cloud_account: str, today: date) -> tuple[date, date]:
    """The open days, and what was missed since the last reading; at first the two months before this one too."""
    done = account.cost_imports.filter(cloud_account=cloud_account, status=CostImportStatus.SUCCEEDED)
    last = done.order_by("-last").values_list("last", flat=True).first()
    start = open_since(last or _months_before(today, 2))
    return min(start, open_since(today)), today


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])


@transaction.atomic
def begin_import(
    *,
    organization: Organization,
    provider: str,
    cloud_account: str,
    cloud_account_name: str,
    origin: str,
    owner: str = "",
    first: date,
    last: date,
) -> CostImport:
    """The row of a reading that begins. Raises :class:`ImportRunning` when one of this cloud account is going on.

    ``owner`` is the cloud's own account, subscription or project: read through two cloud accounts it is still one bill.

    One that has been silent for an hour was interrupted and is closed as failed.
    """
    account = account_of(organization)
    running = account.cost_imports.running().filter(cloud_account=cloud_account)
    running.filter(started_at__lt=timezone.now() - SILENT).update(
        status=CostImportStatus.FAILED, error=INTERRUPTED, finished_at=timezone.now()
    )
    try:
        with transaction.atomic():
            return CostImport.objects.create(
                account=account,
                provider=provider,
                cloud_account=cloud_account,
                cloud_account_name=cloud_account_name[:80],
                origin=origin[:120],
                owner=owner[:120],
                first=first,
                last=last,
            )
    except IntegrityError:
        raise ImportRunning("The bill of this cloud account is being read at this moment.") from None


@transaction.atomic
def finish_import(*, source: CostImport, lines: Iterable[ActualLine]) -> CostImport:
    """Replace what is known of the reading's days by ``lines``. Lines of other days raise ``ValueError``.

    Several lines of one thing are added up. A reference counts only if it is of the same organization.
    """
    merged = _merged(source, lines)
    ours = _resources(source, {line.reference for line in merged.values() if line.reference})
    known = ActualCost.objects.filter(_is_of_the_same_bill(source), account=source.account)
    known.between(source.first, source.last).delete()
    matched = 0
    rows = _rows(source, merged.values(), ours)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        ActualCost.objects.bulk_create(some)
        matched += sum(row.resource_id is not None for row in some)
    source.rows, source.matched, source.unmatched = len(merged), matched, len(merged) - matched
    return _close(source, CostImportStatus.SUCCEEDED)


def _is_of_the_same_bill(source: CostImport) -> Q:
    """Whatever was read through this cloud account, or through another one to the same owner: it is one bill."""
    same = Q(cloud_account=source.cloud_account)
    return same | Q(source__provider=source.provider, source__owner=source.owner) if source.owner else same


def fail_import(*, source: CostImport, error: str) -> CostImport:
    """The reading failed, for the reason ``error``, in words for people; what was known of its days stays."""
    source.error = error[:500]
    return _close(source, CostImportStatus.FAILED)


def _close(source: CostImport, status: CostImportStatus) -> CostImport:
    source.status, source.finished_at = status, timezone.now()
    source.save(update_fields=["status", "finished_at", "error", "rows", "matched", "unmatched"])
    return source


def _merged(source: CostImport, lines: Iterable[ActualLine]) -> dict[tuple[date, str], ActualLine]:
    merged: dict[tuple[date, str], ActualLine] = {}
    for line in lines:
        if not source.first <= line.day <= source.last:
            raise ValueError(f"a line of {line.day} is none of {source.first} to {source.last}")
        at = (line.day, line.key)
        merged[at] = _added(merged[at], line) if at in merged else line
    return merged


SUMMED = ("billed_cost", "effective_cost", "list_cost", "contracted_cost", "quantity")


def _added(one: ActualLine, other: ActualLine) -> ActualLine:
    values: dict[str, Any] = {name: getattr(one, name) for name in ActualLine.__slots__}
    for name in SUMMED:
        known, more = values[name], getattr(other, name)
        values[name] = more if known is None else known + (more or 0)
    values["is_estimated"] = one.is_estimated or other.is_estimated
    return ActualLine(**values)


def _resources(source: CostImport, references: set[str]) -> dict[str, BilledResource]:
    found = BilledResource.objects.filter(account=source.account, reference__in=references)
    return {resource.reference: resource for resource in found}


def _rows(source: CostImport, lines: Iterable[ActualLine], ours: dict[str, BilledResource]) -> Iterator[ActualCost]:
    opened = open_since(timezone.now().date())
    for line in lines:
        billed = rounded(line.billed_cost)
        contracted = billed if line.contracted_cost is None else rounded(line.contracted_cost)
        yield ActualCost(
            account_id=source.account_id,
            source=source,
            resource=ours.get(line.reference),
            provider=source.provider,
            cloud_account=source.cloud_account,
            line_key=line.key,
            charge_period_start=line.day,
            charge_period_end=line.day + timedelta(days=1),
            charge_category=line.charge_category,
            service_name=line.service_name[:200],
            service_category=line.service_category[:40],
            region=line.region[:40],
            sku=line.sku[:200],
            consumed_quantity=None if line.quantity is None else round(line.quantity, 9),
            consumed_unit=line.unit[:60],
            billed_cost=billed,
            effective_cost=billed if line.effective_cost is None else rounded(line.effective_cost),
            contracted_cost=contracted,
            list_cost=contracted if line.list_cost is None else rounded(line.list_cost),
            currency=line.currency[:3].upper(),
            external_resource_id=line.external_resource_id[:500],
            external_tags=line.tags,
            is_estimated=line.is_estimated or line.day >= opened,
        )
