"""What something costs per hour and month: prices times quantities, line by line, each with its source.

Each line has its list price and what is really paid, which differ where something was agreed with the tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from accounts.models import Organization

from .adjustments import adjusted
from .models import ZERO, PriceAdjustment, Quote, Unit
from .money import HOURS_PER_MONTH, not_negative, rounded
from .prices import PriceTable, current_table
from .services import account_of


class PriceMissing(Exception):
    """The catalogue has no price for this SKU in this region, so nothing can be offered there."""

    def __init__(self, sku: str, region: str) -> None:
        self.sku = sku
        self.region = region
        super().__init__(f"There is no price for {sku} in {region}. Choose another region or size.")


@dataclass(frozen=True, slots=True)
class Item:
    """What to price. ``quantity`` is in the price's unit: 1 of an hourly price is always on, GB for a storage price."""

    label: str
    sku: str
    quantity: Decimal
    is_paused_by_stop: bool = False  # a stopped machine does not cost this


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One item with its price. ``hourly`` and ``monthly`` are amounts in ``currency``, each rounded to six places."""

    label: str
    sku: str
    region: str
    unit: str
    quantity: Decimal
    list_price: Decimal
    unit_price: Decimal
    hourly: Decimal
    monthly: Decimal
    currency: str
    source: str
    as_of: str
    is_approximate: bool
    is_paused_by_stop: bool = False

    @property
    def is_adjusted(self) -> bool:
        return self.unit_price != self.list_price

    @property
    def list_hourly(self) -> Decimal:
        return cost_of(self.list_price, self.unit, self.quantity)[0]

    @property
    def list_monthly(self) -> Decimal:
        return cost_of(self.list_price, self.unit, self.quantity)[1]


@dataclass(frozen=True, slots=True)
class QuotedPrice:
    """The price of all lines together: sums of the rounded lines. A month has 730 hours."""

    hourly: Decimal
    monthly: Decimal
    currency: str
    lines: list[QuotedLine]
    catalogue: str
    is_approximate: bool

    @property
    def is_adjusted(self) -> bool:
        """Whether anything costs other than its list price."""
        return any(line.is_adjusted for line in self.lines)

    @property
    def list_hourly(self) -> Decimal:
        return sum((line.list_hourly for line in self.lines), ZERO)

    @property
    def list_monthly(self) -> Decimal:
        return sum((line.list_monthly for line in self.lines), ZERO)


def quote(*, region: str, items: Sequence[Item], adjustments: Sequence[PriceAdjustment] = ()) -> QuotedPrice:
    """Price ``items`` in ``region`` at the current list prices, changed by ``adjustments`` (those in force).

    Costs no query while the process's price table is warm. Raises :class:`PriceMissing`, and ``ValueError`` for a
    negative quantity or prices in more than one currency. No items cost nothing.
    """
    table = current_table()
    lines = [_line(table, region, item, adjustments) for item in items]
    currencies = {line.currency for line in lines} or {"USD"}
    if len(currencies) > 1:
        raise ValueError(f"prices in {region} are in different currencies: {', '.join(sorted(currencies))}")
    return QuotedPrice(
        hourly=sum((line.hourly for line in lines), ZERO),
        monthly=sum((line.monthly for line in lines), ZERO),
        currency=currencies.pop(),
        lines=lines,
        catalogue=table.catalogue,
        is_approximate=any(line.is_approximate for line in lines),
    )


def _line(table: PriceTable, region: str, item: Item, adjustments: Sequence[PriceAdjustment]) -> QuotedLine:
    price = table.get(item.sku, region)
    if price is None:
        raise PriceMissing(item.sku, region)
    unit_price = adjusted(price.amount, sku=item.sku, adjustments=adjustments)
    hourly, monthly = cost_of(unit_price, price.unit, not_negative(item.quantity))
    return QuotedLine(
        label=item.label,
        sku=item.sku,
        region=region,
        unit=price.unit,
        quantity=item.quantity,
        list_price=price.amount,
        unit_price=unit_price,
        hourly=hourly,
        monthly=monthly,
        currency=price.currency,
        source=price.source,
        as_of=price.as_of,
        is_approximate=price.is_approximate,
        is_paused_by_stop=item.is_paused_by_stop,
    )


def cost_of(unit_price: Decimal, unit: str, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """(hourly, monthly), each rounded from the exact product and not from the other."""
    cost = unit_price * quantity
    if unit == Unit.HOUR:
        return rounded(cost), rounded(cost * HOURS_PER_MONTH)
    return rounded(cost / HOURS_PER_MONTH), rounded(cost)


def keep_quote(*, organization: Organization, reference: str, quoted: QuotedPrice) -> Quote:
    """Store what ``reference`` was ordered at."""
    return Quote.objects.create(
        account_id=_account_id(organization),
        reference=reference,
        catalogue=quoted.catalogue,
        currency=quoted.currency,
        hourly=quoted.hourly,
        monthly=quoted.monthly,
        lines=[_as_json(line) for line in quoted.lines],
    )


def newest_quote(*, organization: Organization, reference: str, hourly: Decimal) -> Quote | None:
    """The newest quote at ``hourly`` kept for ``reference``; without one the newest of all, else None."""
    kept = Quote.objects.filter(account__organization=organization, reference=reference)
    return kept.filter(hourly=hourly).first() or kept.first()


def stopped_monthly(quote: Quote) -> Decimal:
    """What the quoted thing costs in a month while it is stopped."""
    going_on = [line for line in quote.lines if not line.get("is_paused_by_stop")]
    return sum((Decimal(line["monthly"]) for line in going_on), ZERO)


def _account_id(organization: Organization) -> Any:
    """The account's key: on the order path, so without building an instance."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM billing_account WHERE organization_id = %s", [organization.pk])
        row = cursor.fetchone()
    return row[0] if row else account_of(organization).pk


def _as_json(line: QuotedLine) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(line).items()}
