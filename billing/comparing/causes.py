"""Why a resource was metered at something else than its order's price said: read off its meters.

Every second of every quoted line and of every meter is put down to one cause, so that the estimate plus the causes is
what the meters cost, but for the rounding of records to six places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from billing.models import ZERO, Meter, Unit
from billing.money import HOURS_PER_MONTH, rounded

HOUR = Decimal(3600)
SMALLEST = Decimal("0.005")  # less is not worth a word


@dataclass(frozen=True, slots=True)
class Window:
    """From ``begins`` to ``ends``, in which a resource was expected to run. Empty when it ends before it begins."""

    begins: datetime
    ends: datetime

    @property
    def seconds(self) -> Decimal:
        return Decimal(max(0, int((self.ends - self.begins).total_seconds())))

    def within(self, begins: datetime, ends: datetime | None) -> Window:
        return Window(max(self.begins, begins), min(self.ends, ends or self.ends))


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason in words, and what it adds to what was metered; negative: it saved."""

    code: str  # resized, stopped, gone, price, discount, unbooked
    text: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a quote, as :class:`~billing.models.Meter` has them."""

    unit: str
    quantity: Decimal
    unit_price: Decimal
    list_price: Decimal
    is_paused_by_stop: bool

    @property
    def rate(self) -> Decimal:
        return per_second(self.unit, self.unit_price * self.quantity)


@dataclass(slots=True)
class _Tally:
    amount: Decimal = ZERO
    seconds: Decimal = ZERO
    days: set[date] = field(default_factory=set)


def per_second(unit: str, amount: Decimal) -> Decimal:
    """An amount per hour, or per month of 730 hours, as one per second."""
    return amount / HOUR if unit == Unit.HOUR else amount / (HOURS_PER_MONTH * HOUR)


def quoted_lines(lines: Iterable[dict[str, Any]]) -> dict[str, Line]:
    """The lines of a stored quote by the names that their meters have: the SKU, "sku#2" for a second of it."""
    found: dict[str, Line] = {}
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["sku"]] = count = counts.get(line["sku"], 0) + 1
        found[line["sku"] if count == 1 else f"{line['sku']}#{count}"] = Line(
            unit=line["unit"],
            quantity=Decimal(line["quantity"]),
            unit_price=Decimal(line["unit_price"]),
            list_price=Decimal(line.get("list_price") or line["unit_price"]),
            is_paused_by_stop=line.get("is_paused_by_stop", False),
        )
    return found


def estimated(lines: dict[str, Line], window: Window) -> Decimal:
    """What ``lines`` cost when all of them run all through ``window``."""
    return rounded(sum((line.rate for line in lines.values()), ZERO) * window.seconds)


def causes(lines: dict[str, Line], meters: Sequence[Meter], window: Window) -> list[Cause]:
    """What lies between :func:`estimated` and what ``meters`` were booked at within ``window``, the largest first."""
    tallies: dict[str, _Tally] = {}
    for code, amount, seconds, since in (*_of_meters(lines, meters, window), *_of_gaps(lines, meters, window)):
        tally = tallies.setdefault(code, _Tally())
        tally.amount += amount
        tally.seconds += seconds
        tally.days.add(since.astimezone(UTC).date())
    found = [Cause(code, WORDS[code](tally), rounded(tally.amount)) for code, tally in tallies.items()]
    return sorted((cause for cause in found if abs(cause.amount) >= SMALLEST), key=lambda cause: -abs(cause.amount))


Piece = tuple[str, Decimal, Decimal, datetime]  # code, amount, seconds, since when


def _of_meters(lines: dict[str, Line], meters: Sequence[Meter], window: Window) -> Iterator[Piece]:
    """Where what ran is not what was quoted, or is not booked yet."""
    for meter in meters:
        ran = window.within(meter.starts_at, meter.ends_at)
        rate = per_second(meter.unit, meter.unit_price * meter.quantity)
        late = ran.within(meter.metered_until, None).seconds
        if late:
            yield "unbooked", -rate * late, late, meter.metered_until
        quoted = lines.get(meter.line)
        if quoted is None:
            yield "resized", rate * ran.seconds, ran.seconds, meter.starts_at
            continue
        price = per_second(meter.unit, (meter.unit_price - quoted.unit_price) * meter.quantity)
        size = per_second(meter.unit, quoted.unit_price * (meter.quantity - quoted.quantity))
        if price:
            code = "price" if meter.list_price != quoted.list_price else "discount"
            yield code, price * ran.seconds, ran.seconds, meter.starts_at
        if size:
            yield "resized", size * ran.seconds, ran.seconds, meter.starts_at


def _of_gaps(lines: dict[str, Line], meters: Sequence[Meter], window: Window) -> Iterator[Piece]:
    """Where a quoted line did not run. Between two moments at which a meter begins or ends nothing changes."""
    moments = {window.begins, window.ends}
    for meter in meters:
        moments |= {moment for moment in (meter.starts_at, meter.ends_at) if moment is not None}
    inside = sorted(moment for moment in moments if window.begins <= moment <= window.ends)
    for begins, ends in pairwise(inside):
        running = [
            each for each in meters if each.starts_at <= begins and (each.ends_at is None or each.ends_at >= ends)
        ]
        seconds = Window(begins, ends).seconds
        for name, line in lines.items():
            if name not in {meter.line for meter in running}:
                yield _why_not(line, running), -line.rate * seconds, seconds, begins


def _why_not(line: Line, running: Sequence[Meter]) -> str:
    if not running:
        return "gone"
    if line.is_paused_by_stop and not any(meter.is_paused_by_stop for meter in running):
        return "stopped"
    return "resized"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _resized(tally: _Tally) -> str:
    first, count = min(tally.days), len(tally.days)
    return f"resized on {_day(first)}" if count == 1 else f"resized, the first time on {_day(first)}"


def _hours(seconds: Decimal) -> str:
    return f"{max(1, round(seconds / HOUR))} h"


WORDS: dict[str, Callable[[_Tally], str]] = {
    "resized": _resized,
    "stopped": lambda tally: f"stopped for {_hours(tally.seconds)}",
    "gone": lambda tally: f"ran shorter than the period: gone on {_day(min(tally.days))}",
    "price": lambda tally: f"the price changed on {_day(min(tally.days))}",
    "discount": lambda tally: f"a discount or markup changed on {_day(min(tally.days))}",
    "unbooked": lambda tally: f"hours since {_day(min(tally.days))} are not booked yet",
}
