"""What the clouds billed for each resource, and why that is not what was metered: as far as the bill tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum

from billing.costs import Period, by_resource
from billing.models import (
    ZERO,
    Account,
    ActualCost,
    BilledResource,
    ChargeCategory,
    CostImport,
    CostImportStatus,
)

SMALLEST = Decimal("0.005")
CLOSE = Decimal("0.02")  # of what was metered: closer than this needs no reason
DAYS_PER_MONTH = Decimal(730) / 24
GB = Q(consumed_unit__icontains="GB") | Q(consumed_unit__icontains="GiB") | Q(consumed_unit__icontains="gibibyte")


@dataclass(frozen=True, slots=True)
class Billed:
    """One resource's part of the bill for the days up to ``until``, and what was metered on the same days."""

    amount: Decimal
    currency: str
    until: date
    metered: Decimal
    causes: tuple[str, ...]

    @property
    def variance(self) -> Decimal:
        """More than zero: the cloud takes more than we metered."""
        return self.amount - self.metered

    @property
    def percent(self) -> Decimal | None:
        return self.variance / self.metered * 100 if self.metered else None


def billed_of(
    account: Account, period: Period, resources: dict[Any, BilledResource], expected_gb: dict[Any, Decimal]
) -> dict[Any, Billed]:
    """By resource key, for those whose cloud account's bill was read for some day of ``period``.

    Cloud accounts with one bill are read through one of them: what was found there was read as far as that one.

    ``expected_gb`` is what is metered of things that store, by resource key.
    """
    read = _read_until(account, period)
    rows = _sums(account, period)
    until_of = {
        key: read.get(each.cloud_account) or read.get(rows.get(key, {}).get("read_through", ""))
        for key, each in resources.items()
    }
    found = {}
    for until in {each for each in until_of.values() if each}:
        keys = [key for key, each in until_of.items() if each == until]
        metered = by_resource(account, period.first, until, keys)
        for key in keys:
            row = rows.get(key, {})
            billed, currency = row.get("billed") or ZERO, row.get("currency") or account.currency
            known = metered.get(key, ZERO)
            is_foreign = currency != account.currency
            texts = [] if is_foreign else [*_causes(row, billed, known)]
            days = (until - period.first).days + 1
            texts += _above_expected(row, expected_gb.get(key), days)
            if is_foreign:
                texts.append(f"billed in {currency}, so not compared")
            found[key] = Billed(billed, currency, until, known, tuple(texts))
    return found


def unmatched(account: Account, period: Period) -> Decimal:
    """What the bills of these days hold that is none of our resources, or carries no tag of ours."""
    rows = ActualCost.objects.filter(account=account, currency=account.currency)
    total: Decimal | None = rows.unmatched().between(period.first, period.last).aggregate(t=Sum("billed_cost"))["t"]
    return total or ZERO


def _read_until(account: Account, period: Period) -> dict[str, date]:
    """By cloud account, the last day of ``period`` whose bill was read."""
    imports = CostImport.objects.filter(account=account, status=CostImportStatus.SUCCEEDED)
    within = imports.filter(first__lte=period.last, last__gte=period.first).order_by()
    rows = within.values_list("cloud_account").annotate(until=Max("last"))
    return {cloud_account: min(until, period.last) for cloud_account, until in rows}


def _sums(account: Account, period: Period) -> dict[Any, dict[str, Any]]:
    usage = Q(charge_category=ChargeCategory.USAGE)
    stored = usage & Q(service_category="Storage") & GB
    rows = ActualCost.objects.filter(account=account).matched().between(period.first, period.last).order_by()
    summed = rows.values("resource").annotate(
        billed=Sum("billed_cost"),
        read_through=Max("cloud_account"),
        currency=Max("currency"),
        listed=Sum("list_cost", filter=usage),
        used=Sum("billed_cost", filter=usage),
        credit=Sum("billed_cost", filter=Q(charge_category=ChargeCategory.CREDIT)),
        tax=Sum("billed_cost", filter=Q(charge_category=ChargeCategory.TAX)),
        traffic=Sum("billed_cost", filter=usage & Q(service_category="Networking")),
        stored=Sum("consumed_quantity", filter=stored),
        open_rows=Count("pk", filter=Q(is_estimated=True)),
        first=Min("charge_period_start"),
    )
    return {row["resource"]: dict(row) for row in summed}


def _causes(row: dict[str, Any], billed: Decimal, metered: Decimal) -> Iterator[str]:
    """What the bill's own rows say, and only what nothing else explains is put down to the price."""
    if not row:
        if metered >= SMALLEST:
            yield "nothing billed: a free tier, or the cloud has not billed it yet, or it carries no tag of ours"
        return
    found = [*_of_rows(row)]
    yield from found
    if row["open_rows"]:
        yield "the bill is not final yet"
    if not found and abs(billed - metered) > max(SMALLEST, metered * CLOSE):
        yield "the cloud’s price or hours differ from ours"


def _of_rows(row: dict[str, Any]) -> Iterator[str]:
    discount = (row["listed"] or ZERO) - (row["used"] or ZERO)
    if discount >= SMALLEST:
        yield f"a discount of the cloud’s of {discount:,.2f}"
    if (row["credit"] or ZERO) <= -SMALLEST:
        yield f"a credit or free tier of {-row['credit']:,.2f}"
    if (row["tax"] or ZERO) >= SMALLEST:
        yield f"tax of {row['tax']:,.2f}"
    if (row["traffic"] or ZERO) >= SMALLEST:
        yield f"traffic, which is not metered, of {row['traffic']:,.2f}"


def _above_expected(row: dict[str, Any], expected: Decimal | None, days: int) -> Iterator[str]:
    """GB-months of some days, as GB that lay there all the time, against what the order expected."""
    stored = (row.get("stored") or ZERO) * DAYS_PER_MONTH / days
    if expected and stored > expected * (1 + CLOSE):
        yield f"stores about {stored:,.0f} GB, {expected:,.0f} expected"
