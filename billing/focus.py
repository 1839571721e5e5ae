"""What an organization was charged, as a FOCUS 1.2 file: CSV, streamed, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from .focus_sql import EXPORT
from .models import Account

PART = 64 * 1024  # bytes, about: what is sent at once


def export(account: Account, first: date, last: date) -> Iterator[bytes]:
    """CSV in UTF-8 with a header, of the charges of the days ``first`` to ``last`` (UTC), both included.

    Usage counts where its hour lies, any other charge where it was booked. Costs are in the account's currency.
    The rows are read in one statement, so they are of one moment, however long the reader takes.
    """
    values: dict[str, Any] = {
        "account": account.pk,
        "begin": datetime.combine(first, time.min, UTC),
        "end": datetime.combine(last + timedelta(days=1), time.min, UTC),
        "issuer": settings.INVOICE_ISSUER,
    }
    connection.ensure_connection()
    with closing(connection.connection.cursor()) as cursor, cursor.copy(EXPORT, values) as rows:
        yield from _together(rows)


def _together(rows: Any) -> Iterator[bytes]:
    """PostgreSQL hands over row by row."""
    part: list[bytes] = []
    size = 0
    for row in rows:
        part.append(bytes(row))
        size += len(part[-1])
        if size >= PART:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)
