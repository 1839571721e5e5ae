"""``manage.py refresh_prices``: a new version of the price catalogue from the vendors' own price APIs."""

import os
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.prices import DATA, BadPriceFile
from billing.refresh import catalogue, gcp, vendors
from billing.refresh.catalogue import Change, Comparison
from billing.refresh.fetching import Fetcher, VendorError
from billing.refresh.found import Found, Key, Wanted

ALARMED = 3  # exit code: the prices were read, and something about them needs a person


class Command(BaseCommand):
    help = (
        "Read current list prices from AWS, Azure and Google Cloud, show what changed, and write a new price file. "
        "Nothing is loaded: load_prices does that. Google Cloud needs an API key in GCP_PRICES_API_KEY. "
        "Exit code 1: a vendor could not be read; 3: something about the prices is alarming. Nothing is written then."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--provider", action="append", choices=list(vendors.VENDORS), help="repeatable; default all"
        )
        parser.add_argument("--region", action="append", default=[], help="repeatable; default all that have prices")
        parser.add_argument("--dry-run", action="store_true", help="show the changes and write nothing")
        parser.add_argument("--out", type=Path, default=DATA, help="folder of the new file (default: billing/data)")
        parser.add_argument("--alarm-over", type=_percent, default=Decimal(20), help="percent of change (default: 20)")
        parser.add_argument("--accept-large-changes", action="store_true", help="write although there are alarms")

    def handle(self, *args: Any, out: Path, dry_run: bool, **options: Any) -> None:
        _check_folder(out)
        providers = list(dict.fromkeys(options["provider"] or vendors.VENDORS))
        try:
            base = catalogue.newest(dict.fromkeys([DATA, out]))
            asked = catalogue.wanted(base, providers, options["region"])
            found, reasons = _read(asked)
            keys = {key for wanted in asked.values() for key in _keys(wanted)}
            result = catalogue.compare(base, keys, found, reasons, options["alarm_over"])
            version = catalogue.next_version(base.versions, timezone.now().date())
        except (catalogue.BadRequest, BadPriceFile, VendorError) as error:
            raise CommandError(f"{error} Nothing was written.") from error
        self._show(result)
        self._stop_if_alarming(result, is_accepted=options["accept_large_changes"])
        if not result.is_new:
            self.stdout.write("Nothing is new, down to the dates: no file was written.")
        elif dry_run:
            self.stdout.write(f"Dry run: nothing was written. It would have been prices-{version}.csv.")
        else:
            self._write(result, out, version)

    def _show(self, result: Comparison) -> None:
        for line in _table(result.changes):
            self.stdout.write(line)
        self.stdout.write(
            f"{len(result.changes)} prices change, {result.confirmed} are confirmed, "
            f"{len(result.kept)} are kept as they were."
        )
        for (sku, region), reason in sorted(result.kept.items()):
            known = "kept with its old source" if (sku, region) in result.rows else "not added"
            self.stdout.write(f"  {sku} in {region} is {known}: {reason}.")

    def _stop_if_alarming(self, result: Comparison, *, is_accepted: bool) -> None:
        for alarm in result.alarms:
            self.stderr.write(self.style.WARNING(f"Alarm: {alarm}."))
        if result.alarms and not is_accepted:
            raise CommandError(
                f"{len(result.alarms)} alarms, so nothing was written. Compare these prices with the vendor's price "
                "page. If they are right, run this again with --accept-large-changes; if they are not, a filter in "
                "billing/refresh/ lets something through: leave that provider out with --provider and report it.",
                returncode=ALARMED,
            )

    def _write(self, result: Comparison, out: Path, version: str) -> None:
        try:
            path = catalogue.write(result.rows, out, version)
        except (OSError, BadPriceFile) as error:
            raise CommandError(f"prices-{version}.csv could not be written to {out}: {error}") from error
        where = "" if out == DATA else f" --directory {out}"
        self.stdout.write(f"Wrote {path} with {len(result.rows)} prices. Now run: manage.py load_prices{where}")


def _percent(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ArgumentTypeError("a number of percent, such as 20") from error
    if not value.is_finite() or value < 0:
        raise ArgumentTypeError("a number of percent from 0 on")
    return value


def _check_folder(out: Path) -> None:
    """Before a gigabyte is read and not after."""
    if not out.is_dir():
        raise CommandError(f"{out} is no folder. Make it first, or choose another with --out.")
    if not os.access(out, os.W_OK | os.X_OK):
        raise CommandError(f"{out} cannot be written to. Choose another folder with --out.")


def _keys(wanted: Wanted) -> Iterator[Key]:
    return ((sku, region) for region, skus in wanted.items() for sku in skus)


def _read(asked: dict[str, Wanted]) -> tuple[list[Found], dict[Key, str]]:
    """(what the vendors list, why they cannot be asked the rest). Every refusal that can be known comes first."""
    key = os.environ.get(gcp.KEY_VARIABLE, "")
    headers = {provider: vendors.headers(provider, key) for provider, wanted in asked.items() if wanted}
    found: list[Found] = []
    reasons: dict[Key, str] = {}
    for provider, sent in headers.items():
        askable, rest = vendors.split(provider, asked[provider])
        reasons |= rest
        with Fetcher(headers=sent) as fetcher:
            found += vendors.read(provider, askable, fetcher, settings.PRICE_APIS[provider])
    return found, reasons


def _table(changes: list[Change]) -> Iterator[str]:
    """The changes as aligned columns, with a heading; nothing without any."""
    if not changes:
        return
    rows = [["sku", "region", "old", "new", "change"], *map(_cells, changes)]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        sides = [row[0].ljust(widths[0]), row[1].ljust(widths[1])]
        yield "  ".join([*sides, *(row[column].rjust(widths[column]) for column in range(2, 5))])


def _cells(change: Change) -> list[str]:
    old = catalogue.plain(change.old.amount) if change.old else "–"
    percent = "new" if change.old is None else "–" if change.percent is None else f"{change.percent:+.1f} %"
    return [change.new.sku, change.new.region, old, catalogue.plain(change.new.amount), percent]
