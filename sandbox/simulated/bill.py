"""What a simulated cloud bills: rows that its controls were given, one per day and thing.

A row: ``day`` ("2026-11-01"), ``service``, ``cost``, and where it has them ``tags``, ``region``, ``sku``, ``quantity``,
``unit``, ``category`` ("Usage", "Tax", "Credit"). Each cloud answers them in its own words, some rows a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]
ROWS_PER_PAGE = 100


def between(rows: Iterable[Row], first: str, last: str) -> list[Row]:
    """Those of the days ``first`` to ``last``, both included, in the order of days."""
    return sorted((row for row in rows if first <= row["day"] <= last), key=lambda row: row["day"])


def summed(rows: Iterable[Row], *names: str) -> dict[tuple[str, ...], Decimal]:
    """Costs by the values of ``names``; "tag:team" is the value of a tag. Empty where a row has none."""
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[tuple(_value(row, name) for name in names)] += Decimal(str(row["cost"]))
    return dict(sums)


def page(things: Sequence[Any], token: str, size: int = ROWS_PER_PAGE) -> tuple[Sequence[Any], str]:
    """The things from ``token`` on, and the token of the next page, empty at the end."""
    start = int(token or 0)
    end = start + size
    return things[start:end], str(end) if end < len(things) else ""


def _value(row: Row, name: str) -> str:
    kind, _, tag = name.partition(":")
    return str(row.get("tags", {}).get(tag, "") if kind == "tag" else row.get(kind) or "")
