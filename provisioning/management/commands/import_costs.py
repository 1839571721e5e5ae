"""``manage.py import_costs``: read what the clouds bill, now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from billing.models import CostImport, CostImportStatus
from clouds.models import CloudAccount, Provider
from provisioning import actuals


class Command(BaseCommand):
    help = (
        "Read the bill of every cloud account, or of one, for the days that may have changed or those given. "
        "With --file, rows of Google's billing export: JSON lines, or CSV."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cloud-account", help="its id; every account that can be read, if not given")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day, such as 2026-11-01")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day, included")
        parser.add_argument("--file", type=Path, help="rows of a billing export instead of the cloud's answer")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if first and last and first > last:
            raise CommandError("--from must not be after --to.")
        if options["file"]:
            imports = [self._from_file(options["cloud_account"], options["file"])]
        else:
            imports = [self._read(account, first, last) for account in _accounts(options["cloud_account"])]
        failed = [one for one in imports if one is None or one.status == CostImportStatus.FAILED]
        if failed:
            raise CommandError(f"{len(failed)} of {len(imports)} readings failed.")

    def _read(self, account: CloudAccount, first: date | None, last: date | None) -> CostImport | None:
        return self._told(account, actuals.read_bill(account.pk, first, last))

    def _from_file(self, cloud_account: str | None, path: Path) -> CostImport | None:
        if not cloud_account:
            raise CommandError("Say with --cloud-account whose bill this is.")
        account = _accounts(cloud_account)[0]
        if account.provider != Provider.GCP:
            raise CommandError(f"{account} is no Google Cloud account; only Google exports its bill as rows.")
        try:
            with path.open(encoding="utf-8", newline="") as content:
                return self._told(account, actuals.read_file(account, path.name, content))
        except (OSError, ValueError) as error:
            raise CommandError(f"{path.name}: {error}") from None

    def _told(self, account: CloudAccount, done: CostImport | None) -> CostImport | None:
        if done is None:
            self.stderr.write(f"{account}: its bill is being read at this moment.")
        elif done.status == CostImportStatus.FAILED:
            self.stderr.write(f"{account}: {done.error}")
        else:
            self.stdout.write(
                f"{account}: {done.first} to {done.last}, {done.rows} rows, {done.matched} of our resources, "
                f"{done.unmatched} unmatched."
            )
        return done


def _accounts(cloud_account: str | None) -> list[CloudAccount]:
    if not cloud_account:
        return list(actuals.readable_accounts())
    try:
        return [CloudAccount.objects.defer("credentials").select_related("organization").get(pk=cloud_account)]
    except (CloudAccount.DoesNotExist, ValidationError):
        raise CommandError(f"There is no cloud account {cloud_account}.") from None
