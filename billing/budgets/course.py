"""The course of a budget's period, for its page: what each day cost, and a drawing of the sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from itertools import accumulate

from billing.costs import by_day
from billing.models import Account, Period

from .standings import TENTH, Standing, scope_of

WIDTH, HEIGHT = 600, 140  # of the drawing, in its own units
HEADROOM = Decimal("1.08")


@dataclass(frozen=True, slots=True)
class Step:
    """One day of the period, or one month of a yearly one."""

    first: date
    amount: Decimal
    total: Decimal  # since the beginning of the period
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """``line`` and ``ahead`` are points of SVG polylines, ``limit`` is the height of the budget's amount."""

    steps: list[Step]
    is_by_month: bool
    line: str
    ahead: str
    limit: str


def course_of(account: Account, standing: Standing, today: date) -> Course:
    """From the first day of the period to ``today``, and on to what is expected. One query."""
    span, amount = standing.span, standing.budget.amount
    costs = dict(by_day(account, scope_of(standing.budget), span.first, today))
    days = [span.first + timedelta(days=number) for number in range((today - span.first).days + 1)]
    amounts = [costs.get(day, Decimal(0)) for day in days]
    totals = list(accumulate(amounts))
    is_by_month = standing.budget.period == Period.YEARLY
    rows = list(zip(days, amounts, totals, strict=True))
    drawing = _Drawing((span.last - span.first).days + 1, max(amount, standing.forecast.amount, totals[-1]) * HEADROOM)
    return Course(
        steps=[_step(row, amount) for row in (_by_month(rows) if is_by_month else rows)],
        is_by_month=is_by_month,
        line=drawing.points([(0, Decimal(0)), *enumerate(totals, start=1)]),
        ahead=drawing.points([(len(days), totals[-1]), (drawing.days, standing.forecast.amount)]),
        limit=drawing.height(amount),
    )


def _step(row: tuple[date, Decimal, Decimal], limit: Decimal) -> Step:
    first, amount, total = row
    return Step(first, amount, total, (total * 100 / limit).quantize(TENTH, rounding=ROUND_FLOOR))


def _by_month(rows: Sequence[tuple[date, Decimal, Decimal]]) -> list[tuple[date, Decimal, Decimal]]:
    months: dict[date, tuple[date, Decimal, Decimal]] = {}
    for day, amount, total in rows:
        first = day.replace(day=1)
        months[first] = (first, months[first][1] + amount if first in months else amount, total)
    return list(months.values())


@dataclass(frozen=True, slots=True)
class _Drawing:
    days: int
    top: Decimal  # the amount at the upper edge

    def points(self, known: Sequence[tuple[int, Decimal]]) -> str:
        return " ".join(f"{WIDTH * day / self.days:.1f},{self.height(total)}" for day, total in known)

    def height(self, amount: Decimal) -> str:
        return f"{HEIGHT - HEIGHT * amount / self.top:.1f}"
