"""What an organization was charged, as a FOCUS 1.2 file: CSV, streamed, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings

from .copying import copied
from .focus_sql import EXPORT
from .models import Account


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
    return copied(EXPORT, values)
