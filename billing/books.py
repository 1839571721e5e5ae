"""Checking the books: every figure that is kept is computed again from the rows it stands for.

``ledger`` looks at balances and holds, this at how usage, charges, daily sums and meters fit together. Only whoever
knows what is billed can say whether it exists; that half is ``provisioning.bookkeeping``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from . import books_sql, ledger


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at: ``name`` for a progress bar, ``find`` for a sentence about each difference."""

    name: str
    find: Callable[[], Iterator[str]]


def _accounts() -> Iterator[str]:
    yield from map(str, ledger.differences())


def _query(name: str, sql: str, words: str) -> Check:
    """A check whose ``sql`` answers the rows that are wrong; ``words`` puts one into a sentence."""

    def find() -> Iterator[str]:
        with connection.cursor() as cursor:
            cursor.execute(sql, [])
            while rows := cursor.fetchmany(1000):
                yield from (words.format(*row) for row in rows)

    return Check(name, find)


CHECKS = (
    Check("accounts", _accounts),
    _query("entries", books_sql.ENTRIES, "{}: entry {} begins at {}, but the one before it ends at {}"),
    _query("charges", books_sql.CHARGES, "{}: the {} {} is {}, but its usage adds up to {}"),
    _query("uncharged usage", books_sql.UNCHARGED, "{}: usage of {} in the hour of {} cost {} and was never charged"),
    _query("places", books_sql.MISPLACED, "{}: usage record {} of {} is not its meter's, or not of the charge {}"),
    _query(
        "usage",
        books_sql.RECORDS,
        "{}: usage of {} ({}) in the hour of {} is {} s for {}, but its meter says {} s for {}",
    ),
    _query("meters", books_sql.METERS, "{}: the meter of {} ({}) since {} is booked for {} s, but its usage is {} s"),
    _query(
        "days", books_sql.DAYS, "{}: {} ({}) on {} is kept as {} in {} s and {} records, but its usage is {}, {} and {}"
    ),
)
