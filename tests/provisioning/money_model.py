"""What money should have done, worked out the plain way: rates times seconds, in exact fractions, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from billing.quotes import QuotedLine

HOUR = timedelta(hours=1)
MICRO = Fraction(1, 1_000_000)


def hour_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass
class Span:
    """A line at one rate, and how far it is on the books."""

    sku: str
    rate: Fraction  # per second
    is_paused_by_stop: bool
    begins: datetime
    booked: datetime
    ends: datetime | None = None

    def book(self, until: datetime) -> None:
        edge = until if self.ends is None else min(until, self.ends)
        self.booked = max(self.booked, edge)

    def is_due(self, until: datetime) -> bool:
        return self.booked < until and (self.ends is None or self.booked < self.ends)

    def seconds(self) -> Iterator[tuple[datetime, int]]:
        """(hour, seconds) of what is booked."""
        at = self.begins
        while at < self.booked:
            edge = min(hour_of(at) + HOUR, self.booked)
            yield hour_of(at), int((edge - at).total_seconds())
            at = edge


@dataclass
class Life:
    """What one resource consisted of. What is said of a moment holds from then on, unless that is booked already."""

    spans: list[Span] = field(default_factory=list)

    def change(self, at: datetime, lines: Sequence[QuotedLine]) -> None:
        at = self._end(at, self.spans)
        for line in lines:
            per = 3600 if line.unit == "hour" else 730 * 3600
            rate = Fraction(line.unit_price) * Fraction(line.quantity) / per
            self.spans.append(Span(line.sku, rate, line.is_paused_by_stop, at, at))

    def stop(self, at: datetime) -> None:
        self._end(at, [span for span in self.spans if span.is_paused_by_stop])

    def end(self, at: datetime) -> None:
        self._end(at, self.spans)

    def _end(self, at: datetime, spans: list[Span]) -> datetime:
        at = max([at.replace(microsecond=0), *(span.booked for span in self.spans if span.booked > span.begins)])
        for span in spans:
            if span.ends is None or span.ends > at:
                span.ends = at
        self.spans = [span for span in self.spans if span.ends is None or span.begins < span.ends]
        return at

    @property
    def cost(self) -> Fraction:
        spans = (span.rate * int((span.booked - span.begins).total_seconds()) for span in self.spans)
        return sum(spans, Fraction(0))

    @property
    def tolerance(self) -> Fraction:
        """Each meter is rounded once."""
        return MICRO * len(self.spans)


def seconds_of(lives: dict[str, Life]) -> Counter[tuple[str, str, datetime]]:
    """Booked seconds by reference, SKU and hour."""
    found: Counter[tuple[str, str, datetime]] = Counter()
    for reference, life in lives.items():
        for span in life.spans:
            for hour, seconds in span.seconds():
                found[reference, span.sku, hour] += seconds
    return found


def book(lives: dict[str, Life], now: datetime) -> None:
    """A whole pass."""
    for life in lives.values():
        for span in life.spans:
            span.book(hour_of(now))


def book_hours(lives: dict[str, Life], now: datetime, count: int) -> None:
    """A pass that is killed after ``count`` hours: it works from the oldest that is due."""
    spans = [span for life in lives.values() for span in life.spans]
    for _ in range(count):
        due = [span for span in spans if span.is_due(hour_of(now))]
        if not due:
            return
        hour = min(hour_of(span.booked) for span in due)
        for span in due:
            if span.booked < hour + HOUR:
                span.book(hour + HOUR)
