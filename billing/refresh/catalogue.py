"""The catalogue that a refresh starts from, what it changes about it, and the file that comes out."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from billing.models import Price
from billing.money import rounded
from billing.prices import COLUMNS, read_file

from .found import Found, Key, Wanted

MOST_PER_DAY = 9  # versions are compared as text: "-10" would come before "-9"


class BadRequest(Exception):
    """What was asked for cannot be refreshed; the message says what can."""


@dataclass(frozen=True, slots=True)
class Base:
    """The newest price of every SKU and region that any catalogue here knows, and the versions there are."""

    rows: Mapping[Key, Price]
    versions: frozenset[str]


def newest(directories: Iterable[Path]) -> Base:
    """All price files of ``directories`` and what is loaded, newer versions over older ones.

    Together, because each may know what the others do not: a release brings SKUs, an operator brought figures. Of a
    directory's files only the newest counts: what it no longer lists was left out on purpose.
    Raises ``billing.prices.BadPriceFile``.
    """
    layers: dict[str, list[Price]] = {}
    versions = set(Price.objects.values_list("catalogue", flat=True).distinct())
    for row in Price.objects.filter(is_current=True):
        layers.setdefault(row.catalogue, []).append(row)
    for directory in directories:
        files = {path.stem.removeprefix("prices-"): path for path in directory.glob("prices-*.csv")}
        versions |= files.keys()
        if files:
            layers[max(files)] = read_file(files[max(files)])
    rows = {(row.sku, row.region): row for version in sorted(layers) for row in layers[version]}
    return Base(rows, frozenset(versions))


def wanted(base: Base, providers: Sequence[str], regions: Sequence[str]) -> dict[str, Wanted]:
    """What to look up, by provider: every price of ``base``, or those of ``regions``.

    A region that ``base`` does not know is looked up for everything its provider sells elsewhere; which provider that
    is has to be said. Raises :class:`BadRequest`.
    """
    known: dict[str, dict[str, set[str]]] = {provider: {} for provider in providers}
    for sku, region in base.rows:
        if (provider := sku.partition(":")[0]) in known:
            known[provider].setdefault(region, set()).add(sku)
    new = set(regions) - {region for each in known.values() for region in each}
    if new and len(known) != 1:
        raise BadRequest(
            f"No price is known in {', '.join(sorted(new))}. Known are: "
            f"{', '.join(sorted(region for each in known.values() for region in each))}. "
            "To add a region name its one --provider as well."
        )
    for each in known.values():
        everything = {sku for skus in each.values() for sku in skus}
        each.update(dict.fromkeys(new, everything))
    return {
        provider: {region: frozenset(skus) for region, skus in each.items() if not regions or region in regions}
        for provider, each in known.items()
    }


@dataclass(frozen=True, slots=True)
class Change:
    """One price as it was and as it will be; ``old`` is None for one that is new."""

    old: Price | None
    new: Price

    @property
    def percent(self) -> Decimal | None:
        """Of the old amount; None where that was nothing."""
        if self.old is None or not self.old.amount:
            return None
        return (self.new.amount - self.old.amount) / self.old.amount * 100


@dataclass(slots=True)
class Comparison:
    """What a refresh would do to ``rows``, which is the complete catalogue afterwards."""

    rows: dict[Key, Price]
    changes: list[Change] = field(default_factory=list)  # of amount or unit
    confirmed: int = 0  # the vendor's amount is the one we had
    is_new: bool = False  # any row differs, if only in its source or date
    kept: dict[Key, str] = field(default_factory=dict)  # not found, left as it was: why
    alarms: list[str] = field(default_factory=list)


def compare(
    base: Base, asked: Iterable[Key], found: Iterable[Found], reasons: Mapping[Key, str], limit: Decimal
) -> Comparison:
    """Put ``found`` over ``base``. Changes over ``limit`` percent raise an alarm, and so does all that is doubtful."""
    result = Comparison(dict(base.rows))
    by_key = {one.key: one for one in found}
    for key in sorted(asked):
        old = base.rows.get(key)
        if key not in by_key or not rounded(by_key[key].amount):
            result.kept[key] = reasons.get(key) or "the vendor lists no price that passes the filters"
            continue
        change = Change(old, _as_price(by_key[key]))
        result.rows[key] = change.new
        result.is_new |= old is None or any(getattr(old, name) != getattr(change.new, name) for name in COLUMNS)
        if old is not None and (old.amount, old.unit) == (change.new.amount, change.new.unit):
            result.confirmed += 1
        else:
            result.changes.append(change)
        result.alarms += _alarms(change, by_key[key], limit)
    return result


def _as_price(found: Found) -> Price:
    return Price(
        sku=found.sku,
        region=found.region,
        unit=str(found.unit),
        amount=rounded(found.amount),
        currency="USD",
        source=found.source,
        as_of=found.as_of,
        is_approximate=found.is_approximate,
    )


def _alarms(change: Change, found: Found, limit: Decimal) -> Iterator[str]:
    old, new = change.old, change.new
    name = f"{new.sku} in {new.region}"
    if found.others:
        more = ", ".join(plain(rounded(other)) for other in found.others[:4])
        yield f"{name}: more than one price fits; {plain(new.amount)} is the lowest, others are {more}"
    if old is None:
        return
    if old.unit != new.unit:
        yield f"{name}: was {old.get_unit_display()}, is now {new.get_unit_display()}"
    elif change.percent is None and new.amount:
        yield f"{name}: was free, is now {plain(new.amount)}"
    elif change.percent is not None and abs(change.percent) > limit:
        yield f"{name}: {plain(old.amount)} → {plain(new.amount)} is {change.percent:+.1f} %"


def plain(amount: Decimal) -> str:
    """Without trailing zeros or exponent: "0.0104"."""
    return f"{amount.normalize():f}"


def next_version(versions: Iterable[str], today: date) -> str:
    """Today's date, or that with "-2" to "-9", such that it is newer than every version there is.

    A catalogue dated after today is continued under its own date. Raises :class:`BadRequest` for the tenth of a day.
    """
    latest = max(versions, default="")
    day = max(today.isoformat(), latest[:10])
    for name in [day, *(f"{day}-{number}" for number in range(2, MOST_PER_DAY + 1))]:
        if name > latest:
            return name
    raise BadRequest(f"There are {MOST_PER_DAY} catalogues of {day} already. Refresh again tomorrow.")


def write(rows: Mapping[Key, Price], directory: Path, version: str) -> Path:
    """Write ``prices-<version>.csv`` whole or not at all, as ``load_prices`` reads it. Raises ``OSError``."""
    path = directory / f"prices-{version}.csv"
    partial = directory / f".prices-{version}.csv.partial"
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_record(rows[key]) for key in sorted(rows))
            file.flush()
            os.fsync(file.fileno())
        read_file(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _record(row: Price) -> list[str]:
    values = {name: getattr(row, name) for name in COLUMNS}
    values |= {"amount": plain(row.amount), "is_approximate": "true" if row.is_approximate else "false"}
    return [str(values[name]) for name in COLUMNS]
