"""What a simulated cloud recorded of its machines: values put there by its controls, summed up as it is asked.

``PUT /control/metrics`` takes {"id": the object's, "metric": the cloud's own name of it, "values":
[["2026-11-01T00:00:00Z", 12.5], …]} and replaces what was there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .store import Store


@dataclass(frozen=True)
class Recorded:
    """All values of one interval, which begins at ``at``."""

    at: datetime
    values: list[float]

    @property
    def average(self) -> float:
        return sum(self.values) / len(self.values)


def keep(store: Store, given: dict[str, Any]) -> None:
    store.set_setting(_name(given["id"], given["metric"]), given["values"])


def recorded(
    store: Store, id_: str, metric: str, *, first: datetime, last: datetime, every: timedelta
) -> list[Recorded]:
    """The intervals that hold values, oldest first; they are counted from ``first`` and end before ``last``."""
    found: dict[datetime, list[float]] = {}
    for written, value in store.setting(_name(id_, metric), []):
        at = parsed(written)
        if first <= at < last:
            found.setdefault(first + (at - first) // every * every, []).append(value)
    return [Recorded(at, values) for at, values in sorted(found.items())]


def parsed(written: str) -> datetime:
    """A moment as it is written in JSON or an address; what names no zone is UTC."""
    at = datetime.fromisoformat(written)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(id_: str, metric: str) -> str:
    return f"metric:{id_.lower()}:{metric.lower()}"
