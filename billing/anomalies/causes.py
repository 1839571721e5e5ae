"""Why a resource cost more on one day than usually: what its meters did then and on a day to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db.models import Q

from billing.models import ZERO, AnomalyCause, BilledResource, Meter
from billing.money import HOURS_PER_MONTH, display

DAY = timedelta(days=1)
NEW_FOR = 7 * DAY  # how long a resource counts as new
LONGER = Decimal("1.1")  # times the hours of the other day, to be a cause


@dataclass(frozen=True, slots=True)
class Day:
    """What the meters of one resource did on one day."""

    meters: tuple[Meter, ...]
    begin: datetime

    @property
    def main(self) -> list[Meter]:
        """What a stop pauses, the machine itself, oldest first; of what knows no stop, everything."""
        return [meter for meter in self.meters if meter.is_paused_by_stop] or list(self.meters)

    @property
    def running(self) -> Decimal:
        """Hours in which the main lines ran, counted once where several ran beside each other."""
        seconds, reached = 0.0, self.begin
        for meter in self.main:
            end = min(meter.ends_at or self.begin + DAY, self.begin + DAY)
            seconds += max(0.0, (end - max(meter.starts_at, reached)).total_seconds())
            reached = max(reached, end)
        return Decimal(int(seconds)) / 3600

    @property
    def at_its_end(self) -> list[Meter]:
        return [meter for meter in self.meters if meter.ends_at is None or meter.ends_at >= self.begin + DAY]

    @property
    def last(self) -> dict[str, Meter]:
        """Of each thing sold the meter that ran last."""
        return {meter.sku: meter for meter in self.meters}


def on_day(resource: BilledResource, day: date) -> Day:
    begin = datetime.combine(day, time(), UTC)
    ran = Q(ends_at=None) | Q(ends_at__gt=begin)
    meters = resource.meters.filter(ran, starts_at__lt=begin + DAY).order_by("starts_at", "pk")
    return Day(tuple(meters), begin)


def explain(resource: BilledResource, day: date, compared: date | None) -> tuple[AnomalyCause, str]:
    """The cause and a sentence about it. ``compared`` is a usual day of the resource, None if it had none."""
    now = on_day(resource, day)
    if not now.meters:
        return AnomalyCause.UNKNOWN, "cost more than usual"
    first = resource.meters.order_by("starts_at").values_list("starts_at", flat=True)[0]
    if compared is None or first >= now.begin + DAY - NEW_FOR:
        return _new(first, now)
    then = on_day(resource, compared)
    if not then.meters:
        return AnomalyCause.HOURS, f"ran {_hours(now.running)}; it did not run on {_date(compared)}"
    return _changed(now, then) or _longer(now, then, compared) or (AnomalyCause.UNKNOWN, "cost more than usual")


def going_on(resource: BilledResource, day: date) -> Decimal:
    """What a whole day costs of what ran at the end of ``day``: what began in its middle costs more on the next."""
    now = on_day(resource, day)
    return 24 * sum((_rate(meter) for meter in now.at_its_end), ZERO)


def _new(first: datetime, now: Day) -> tuple[AnomalyCause, str]:
    return AnomalyCause.NEW, f"is new: {max(now.main, key=_rate).label}, since {first:%-d %b, %H:%M} UTC"


def _longer(now: Day, then: Day, compared: date) -> tuple[AnomalyCause, str] | None:
    if now.running <= then.running * LONGER:
        return None
    return AnomalyCause.HOURS, f"ran {_hours(now.running)} instead of {_hours(then.running)} on {_date(compared)}"


def _changed(now: Day, then: Day) -> tuple[AnomalyCause, str] | None:
    """A change of what runs or of its price, if that made an hour dearer by more than the hours grew."""
    dearer = _per_hour(now) / _per_hour(then) if _per_hour(then) else Decimal(1)
    longer = now.running / then.running if then.running else Decimal(1)
    if dearer <= 1 or dearer < longer:
        return None
    return _resized(now, then) or _repriced(now, then)


def _resized(now: Day, then: Day) -> tuple[AnomalyCause, str] | None:
    """A thing that is sold was exchanged for another, or there is more of it."""
    before, after = then.last, now.last
    come = [meter for sku, meter in after.items() if sku not in before]
    gone = [meter for sku, meter in before.items() if sku not in after or after[sku].ends_at]
    if come:
        meter = max(come, key=_rate)
        instead = f" from {max(gone, key=_rate).label}" if gone else ""
        return AnomalyCause.RESIZED, f"changed{instead} to {meter.label} on {_date(meter.starts_at.date())}"
    for sku, meter in after.items():
        if meter.quantity > before[sku].quantity:
            return AnomalyCause.RESIZED, f"{_more(before[sku], meter)} since {_date(meter.starts_at.date())}"
    return None


def _more(before: Meter, after: Meter) -> str:
    """Labels may hold the number themselves: "3 × Standard_B2ms"."""
    if before.label != after.label:
        return f"has {after.label} instead of {before.label}"
    return f"has {_plain(after.quantity)} instead of {_plain(before.quantity)} of {after.label}"


def _repriced(now: Day, then: Day) -> tuple[AnomalyCause, str] | None:
    """The same things at another price: the catalogue's, or what was agreed on top of it."""
    pairs = [(then.last[sku], meter) for sku, meter in now.last.items() if sku in then.last]
    dearer = [pair for pair in pairs if pair[1].unit_price > pair[0].unit_price]
    if not dearer:
        return None
    before, after = max(dearer, key=lambda pair: _rate(pair[1]) - _rate(pair[0]))
    unit = "per hour" if after.unit == "hour" else "per unit and month"
    prices = f"{display(before.unit_price, after.currency)} to {display(after.unit_price, after.currency)} {unit}"
    if after.list_price > before.list_price:
        return AnomalyCause.PRICE, f"has a new price since {_date(after.starts_at.date())}: {after.label} {prices}"
    return AnomalyCause.TERMS, f"has another discount or markup since {_date(after.starts_at.date())}: {prices}"


def _per_hour(day: Day) -> Decimal:
    """What an hour cost at the end of the day, all of it running."""
    return sum((_rate(meter) for meter in day.at_its_end or day.main[-1:]), ZERO)


def _rate(meter: Meter) -> Decimal:
    return meter.quantity * meter.unit_price / (1 if meter.unit == "hour" else HOURS_PER_MONTH)


def _hours(hours: Decimal) -> str:
    return f"{_plain(round(hours, 1))} h"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _date(day: date) -> str:
    return f"{day:%-d %b}"
