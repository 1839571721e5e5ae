"""Rows straight out of PostgreSQL as CSV, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from django.db import connection

PART = 64 * 1024  # bytes, about: what is sent at once


def copied(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> Iterator[bytes]:
    """What ``COPY ... TO STDOUT`` answers, in parts worth sending. All rows are of one moment."""
    connection.ensure_connection()
    part = bytearray()
    with closing(connection.connection.cursor()) as cursor, cursor.copy(statement, values) as rows:
        for row in rows:  # PostgreSQL hands over one by one
            part += row
            if len(part) >= PART:
                yield bytes(part)
                part.clear()
    if part:
        yield bytes(part)
