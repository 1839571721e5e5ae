from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Min, Q
from django.utils import timezone

from billing.costs import EVERYTHING, Part, Period, by_resource
from billing.models import ZERO, Account, BilledResource, Meter, Quote, Unit

from .bills import Billed, billed_of, unmatched
from .causes import Cause, Window, causes, estimated, quoted_lines

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Compared:
    """One resource. ``estimated`` is None where no quote was kept, ``billed`` None where no bill was read yet."""

    resource: BilledResource
    estimated: Decimal | None
    metered: Decimal
    causes: list[Cause]
    billed: Billed | None

    @property
    def variance(self) -> Decimal | None:
        return None if self.estimated is None else self.metered - self.estimated

    @property
    def percent(self) -> Decimal | None:
        return self.variance / self.estimated * 100 if self.variance is not None and self.estimated else None

    @property
    def thing(self) -> str:
        """The id in the reference "resource:<id>"."""
        return self.resource.reference.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All resources that ran in ``period``, the costliest first, and what of the bills is none of them."""

    period: Period
    currency: str
    rows: list[Compared]
    unmatched: Decimal

    @property
    def estimated(self) -> Decimal:
        return sum((row.estimated for row in self.rows if row.estimated is not None), ZERO)

    @property
    def metered(self) -> Decimal:
        return sum((row.metered for row in self.rows), ZERO)

    @property
    def billed(self) -> Decimal | None:
        known = [row.billed.amount for row in self.rows if row.billed and row.billed.currency == self.currency]
        return sum(known, ZERO) if known else None


def compare(
    account: Account, period: Period, *, part: Part = EVERYTHING, reference: str = "", now: datetime | None = None
) -> Comparison:
    """Estimate, metered and billed of what ran in ``period``; of one resource with ``reference``.

    The running day counts up to the last full hour, as bookings do. A fixed number of queries.
    """
    window = _window(period, now or timezone.now())
    meters = _meters(account, window, part, reference)
    resources = {key: found[0].resource for key, found in meters.items()}
    metered = by_resource(account, period.first, period.last, resources)
    quotes = _first_quotes(account, resources)
    begun = _first_moments(resources)
    billed = billed_of(account, period, resources, _expected_gb(meters))
    rows = []
    for key, found in meters.items():
        expected = Window(max(window.begins, begun[key]), window.ends)
        quote = quotes.get(resources[key].reference)
        lines = quoted_lines(quote.lines) if quote else {}
        rows.append(
            Compared(
                resource=resources[key],
                estimated=estimated(lines, expected) if quote else None,
                metered=metered.get(key, ZERO),
                causes=causes(lines, found, expected) if quote else [],
                billed=billed.get(key),
            )
        )
    rows.sort(key=lambda row: (-row.metered, row.resource.name))
    return Comparison(period, account.currency, rows, ZERO if reference else unmatched(account, period))


def _window(period: Period, now: datetime) -> Window:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begins = datetime.combine(period.first, time(tzinfo=UTC))
    return Window(begins, max(begins, min(datetime.combine(period.last + DAY, time(tzinfo=UTC)), hour)))


def _meters(account: Account, window: Window, part: Part, reference: str) -> dict[Any, list[Meter]]:
    rows = Meter.objects.filter(part.of(), account=account, starts_at__lt=window.ends)
    rows = rows.filter(Q(ends_at=None) | Q(ends_at__gt=window.begins)).select_related("resource")
    if reference:
        rows = rows.filter(resource__reference=reference)
    found: dict[Any, list[Meter]] = defaultdict(list)
    for meter in rows.order_by("starts_at", "pk"):
        found[meter.resource_id].append(meter)
    return found


def _expected_gb(meters: dict[Any, list[Meter]]) -> dict[Any, Decimal]:
    """What buckets are metered at, by resource."""
    last = {key: found[-1] for key, found in meters.items()}
    return {
        key: meter.quantity
        for key, meter in last.items()
        if meter.resource.kind == "bucket" and meter.unit != Unit.HOUR
    }


def _first_quotes(account: Account, resources: dict[Any, BilledResource]) -> dict[str, Quote]:
    """By reference, the price at which each was ordered: the oldest quote kept."""
    references = [each.reference for each in resources.values()]
    rows = Quote.objects.filter(account=account, reference__in=references)
    return {quote.reference: quote for quote in rows.order_by("reference", "created_at").distinct("reference")}


def _first_moments(resources: dict[Any, BilledResource]) -> dict[Any, datetime]:
    rows = Meter.objects.filter(resource__in=resources.keys()).order_by()
    return dict(rows.values_list("resource").annotate(first=Min("starts_at")))
