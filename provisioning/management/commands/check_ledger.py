"""``manage.py check_ledger``: do the books agree with themselves and with what exists?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection, transaction
from tqdm import tqdm

from billing import books
from billing.models import Account, Hold, LedgerEntry, Meter, UsageRecord
from provisioning import bookkeeping

COUNTED = (
    ("accounts", Account.objects), ("ledger entries", LedgerEntry.objects), ("open holds", Hold.objects.open()),
    ("meters", Meter.objects), ("usage records", UsageRecord.objects),
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Recompute balances from entries, holds and meters against resources, usage against charges and daily sums. "
        "Changes nothing and locks nothing. Names every difference; exit 1 if there is one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with _as_of_now():
            count = 0
            checks = (*books.CHECKS, *bookkeeping.CHECKS)
            for check in (bar := tqdm(checks, unit="check", disable=None, leave=False)):
                bar.set_description(check.name)
                for difference in check.find():
                    count += 1
                    self.stderr.write(difference)
            if count:
                sys.exit(1)
            counts = ", ".join(f"{rows.count()} {name}" for name, rows in COUNTED)
            self.stdout.write(f"The books agree: {counts}.")


@contextmanager
def _as_of_now() -> Iterator[None]:
    """One view of the database for all checks, while the platform goes on; a transaction around it says which."""
    is_within = connection.in_atomic_block
    with transaction.atomic():
        if not is_within:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
