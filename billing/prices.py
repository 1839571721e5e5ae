"""The price catalogue: versioned data files, loaded into ``Price`` rows, read through a cache in the process.

A file ``prices-<version>.csv`` is one version and never changes once it was loaded: a new figure means a new file, so
that an old quote can always be explained. Every row names its source and that source's own date.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from django.db import connection, transaction

from .models import Price, Unit
from .money import rounded

DATA = Path(__file__).resolve().parent / "data"
COLUMNS = ["sku", "region", "unit", "amount", "currency", "source", "as_of", "is_approximate"]
CURRENCIES = {"USD"}
TABLE_TTL = 60.0  # seconds until a process notices a catalogue that another one loaded


class BadPriceFile(Exception):
    """A price file cannot be loaded; the message names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The current list prices by (sku, region) and the catalogue version they come from."""

    catalogue: str
    prices: Mapping[tuple[str, str], Price]
    read_at: float  # time.monotonic()

    def get(self, sku: str, region: str) -> Price | None:
        return self.prices.get((sku, region))


class _Cache:
    """The last table read. Replacing one reference is atomic, so threads may share it without a lock."""

    table: PriceTable | None = None


def current_table() -> PriceTable:
    """The current prices: no query while the cached table is younger than a minute, else one."""
    table = _Cache.table
    if table is None or time.monotonic() - table.read_at > TABLE_TTL:
        table = _read_table()
        _Cache.table = table if table.prices else None
    return table


def forget_table() -> None:
    """Make the next :func:`current_table` read the database."""
    _Cache.table = None


def _read_table() -> PriceTable:
    rows = list(Price.objects.filter(is_current=True))
    return PriceTable(
        catalogue=max((row.catalogue for row in rows), default=""),
        prices={(row.sku, row.region): row for row in rows},
        read_at=time.monotonic(),
    )


@transaction.atomic
def load(directory: Path = DATA, progress: Callable[[list[Path]], Iterable[Path]] = list) -> dict[str, int]:
    """Load every ``prices-<version>.csv`` of ``directory`` and make the newest version the current one.

    Idempotent; two processes that load at once wait for each other. Returns the rows added per version.
    Raises :class:`BadPriceFile` for a malformed file and for one that differs from what was loaded under its version;
    nothing is written then. ``progress`` wraps the iteration over the files.
    """
    files = sorted(directory.glob("prices-*.csv"))
    if not files:
        raise BadPriceFile(f"no prices-<version>.csv in {directory}")
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE billing_price IN SHARE ROW EXCLUSIVE MODE")
    added = {_version(path): _load_file(path) for path in progress(files)}
    _make_current(max([*added, *Price.objects.values_list("catalogue", flat=True).distinct()]))
    transaction.on_commit(forget_table)
    return added


def _version(path: Path) -> str:
    return path.stem.removeprefix("prices-")


def _load_file(path: Path) -> int:
    rows, version = read_file(path), _version(path)
    known = {_key(row): row for row in Price.objects.filter(catalogue=version)}
    if not known:
        return len(Price.objects.bulk_create(rows))
    changed = {_key(row) for row in rows if _key(row) not in known or not _same(row, known[_key(row)])}
    changed |= known.keys() - {_key(row) for row in rows}
    if changed:
        names = ", ".join(f"{sku} in {region}" for sku, region in sorted(changed)[:5])
        raise BadPriceFile(
            f"{path.name}: {len(changed)} prices differ from what was released as {version} ({names}). "
            "A released version never changes: put new figures into a file with a newer version."
        )
    return 0


def _make_current(version: str) -> None:
    Price.objects.filter(is_current=True).exclude(catalogue=version).update(is_current=False)
    Price.objects.filter(is_current=False, catalogue=version).update(is_current=True)


def _key(row: Price) -> tuple[str, str]:
    return row.sku, row.region


def _same(one: Price, other: Price) -> bool:
    names = [name for name in COLUMNS if name not in ("sku", "region")]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def read_file(path: Path) -> list[Price]:
    """The unsaved rows of one file. Raises :class:`BadPriceFile`."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise BadPriceFile(f"{path.name}: the columns must be {', '.join(COLUMNS)}")
        rows = [_parse(path, reader.line_num, record) for record in reader]
    if len({_key(row) for row in rows}) != len(rows):
        raise BadPriceFile(f"{path.name}: a sku is listed twice for one region")
    return rows


def _parse(path: Path, line: int, record: Mapping[str, str]) -> Price:
    if problem := _problem(record):
        raise BadPriceFile(f"{path.name}, line {line}: {problem}")
    return Price(
        catalogue=_version(path),
        sku=record["sku"],
        region=record["region"],
        unit=record["unit"],
        amount=rounded(Decimal(record["amount"])),
        currency=record["currency"],
        source=record["source"],
        as_of=record["as_of"],
        is_approximate=record["is_approximate"] == "true",
        is_current=False,
    )


def _problem(record: Mapping[str, str]) -> str:
    """What is wrong with one line; empty when nothing is."""
    if set(record) != set(COLUMNS) or not all(record.values()):
        return "every column needs a value"
    if record["unit"] not in Unit.values:
        return f"unit must be one of {', '.join(Unit.values)}"
    if record["currency"] not in CURRENCIES:
        return f"currency must be one of {', '.join(CURRENCIES)}"
    if record["is_approximate"] not in ("true", "false"):
        return "is_approximate must be true or false"
    try:
        amount = Decimal(record["amount"])
        exact = rounded(amount) == amount
    except (InvalidOperation, ValueError):
        return "amount must be a decimal number"
    return "" if exact and amount >= 0 else "amount must not be negative and have at most 6 places"
