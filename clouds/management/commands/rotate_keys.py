"""Re-encrypt everything sealed under the first of FERNET_KEYS, so that the others can be taken away.

To change the key: put the new one in front (``FERNET_KEYS=new,old``), restart every process, run this, then remove the
old one. It may be stopped and started again at any time: what is already under the first key is left alone.
"""

# ruff: noqa: SLF001  - ``_meta`` is Django's documented way to walk models

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import InvalidToken
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, models, transaction
from django.db.models import BinaryField
from django.db.models.functions import Cast
from tqdm import tqdm

from accounts.fields import SealedTextField, cipher_of

BATCH = 50  # rows locked, and held in memory, at a time; a state can have a megabyte
MAX_PASSES = 5


@dataclass(frozen=True)
class Column:
    """A sealed field and the model whose table holds it."""

    model: type[models.Model]
    field: SealedTextField

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"

    def rows(self) -> models.QuerySet[Any]:
        """Those that hold something, with the ciphertext as it is in the column."""
        holding = self.model._base_manager.filter(**{f"{self.field.name}__isnull": False})
        rows: models.QuerySet[Any] = holding.annotate(token=Cast(self.field.name, BinaryField()))
        return rows

    def write(self, changes: list[tuple[bytes, Any]]) -> None:
        """Write ciphertexts by primary key, as they are: through the ORM the field would encrypt them once more."""
        table, column, primary = (
            connection.ops.quote_name(str(name))
            for name in (self.model._meta.db_table, self.field.column, self.model._meta.pk.column)
        )
        with connection.cursor() as cursor:
            cursor.executemany(f"UPDATE {table} SET {column} = %s WHERE {primary} = %s", changes)  # noqa: S608


@dataclass
class Tally:
    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)  # "clouds.CloudAccount.credentials <pk>"


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch-size", type=int, default=BATCH, help="rows locked at a time (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        rotated = 0
        for _ in range(MAX_PASSES):  # rows that others wrote meanwhile under an old key are found by the next pass
            tally = rotate_all(options["batch_size"], is_quiet=not options["verbosity"])
            rotated += tally.rotated
            if not tally.rotated:
                break
        else:
            raise CommandError(
                "Something still writes under an old key: restart every process with the new FERNET_KEYS."
            )
        if tally.unreadable:
            listed = "\n  ".join(tally.unreadable[:20])
            raise CommandError(
                f"{rotated} values re-encrypted, but {len(tally.unreadable)} open with none of FERNET_KEYS:\n"
                f"  {listed}\nAdd the key they were written with and run this again."
            )
        if options["verbosity"]:
            self.stdout.write(f"{rotated} values re-encrypted; everything sealed is under the first of FERNET_KEYS.")


def sealed_columns() -> Iterator[Column]:
    """Every sealed field there is."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            for each in model._meta.local_fields:
                if isinstance(each, SealedTextField):
                    yield Column(model, each)


def rotate_all(batch_size: int = BATCH, *, is_quiet: bool = False) -> Tally:
    """One pass over everything sealed."""
    tally = Tally()
    for column in sealed_columns():
        count = column.rows().count()
        with tqdm(total=count, desc=str(column), unit="row", disable=True if is_quiet else None) as bar:
            last = None
            while batch := rotate_batch(column, last, batch_size, tally):
                last = batch[-1]
                bar.update(len(batch))
    return tally


@transaction.atomic
def rotate_batch(column: Column, after: Any, size: int, tally: Tally) -> list[Any]:
    """Lock the next rows by primary key and re-encrypt those that need it; returns the keys of all of them."""
    rows = column.rows().order_by("pk").select_for_update(of=("self",))
    if after is not None:
        rows = rows.filter(pk__gt=after)
    batch = [(pk, bytes(token)) for pk, token in rows.values_list("pk", "token")[:size]]
    changes = []
    for pk, token in batch:
        try:
            if not is_under_first_key(token):
                changes.append((cipher_of(settings.FERNET_KEYS).rotate(token), pk))
        except InvalidToken:
            tally.unreadable.append(f"{column} {pk}")
    column.write(changes)
    tally.rotated += len(changes)
    return [pk for pk, _ in batch]


def is_under_first_key(token: bytes) -> bool:
    try:
        cipher_of(settings.FERNET_KEYS[:1]).decrypt(token)
    except InvalidToken:
        return False
    return True
