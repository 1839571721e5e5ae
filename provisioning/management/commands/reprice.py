"""``manage.py reprice``: what runs costs today's prices from now on. A deed of its own: nothing else does this."""

from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.actors import system_actor
from accounts.models import Organization
from billing.money import plain
from billing.quotes import PriceMissing
from provisioning import services
from provisioning.models import Resource
from provisioning.services import Refused, RepricedLine, Repricing

HEADING = ["tenant", "resource", "SKU", "unit price", "new", "per month", "new", "difference"]
TEXTS = 3  # columns of text; the others are numbers


class Command(BaseCommand):
    help = (
        "Let what runs cost, from now on, what the current price catalogue and the tenants' agreements say. What was "
        "charged stays; each resource keeps a new quote and an audit event. Look at it with --dry-run first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="only this tenant's (default: everybody's)")
        parser.add_argument("--dry-run", action="store_true", help="show what would change and write nothing")

    def handle(self, *args: Any, organization: str | None, dry_run: bool, **options: Any) -> None:
        found, left = [], []
        rows = _resources(organization)
        for resource in tqdm(rows.iterator(200), total=rows.count(), unit="resource", disable=None, leave=False):
            try:
                one = services.repricing_of(resource) if dry_run else _reprice(resource)
            except (Refused, PriceMissing) as refusal:
                left.append(f"{resource.organization.slug}/{resource} keeps its price: {refusal}")
                continue
            if one is not None:
                found.append(one)
        self._show(found, left, dry_run=dry_run)

    def _show(self, found: list[Repricing], left: list[str], *, dry_run: bool) -> None:
        for line in _table(found):
            self.stdout.write(line)
        for line in left:
            self.stderr.write(self.style.WARNING(line))
        before = sum((one.monthly_before for one in found), Decimal(0))
        after = sum((one.quoted.monthly for one in found), Decimal(0))
        self.stdout.write(
            f"{len(found)} resources {'would change' if dry_run else 'changed'}: {before:.2f} a month becomes "
            f"{after:.2f}, {after - before:+.2f}."
        )
        if dry_run:
            self.stdout.write("Dry run: nothing was written.")


def _resources(slug: str | None) -> Any:
    rows = services.running_resources()
    if slug is None:
        return rows
    if not Organization.objects.filter(slug=slug).exists():
        raise CommandError(f"There is no organization “{slug}”.")
    return rows.filter(organization__slug=slug)


def _reprice(resource: Resource) -> Repricing | None:
    return services.reprice(actor=system_actor(resource.organization), resource=resource)


def _table(found: list[Repricing]) -> Iterator[str]:
    """The lines that change as aligned columns, with a heading; nothing without any."""
    rows = [HEADING, *(_cells(one, line) for one in found for line in one.lines)]
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADING))]
    for row in rows:
        cells = (cell.ljust if column < TEXTS else cell.rjust for column, cell in enumerate(row))
        yield "  ".join(adjust(width) for adjust, width in zip(cells, widths, strict=True)).rstrip()


def _cells(one: Repricing, line: RepricedLine) -> list[str]:
    return [
        one.resource.organization.slug,
        one.resource.name,
        line.sku,
        "–" if line.before is None else plain(line.before),
        "–" if line.after is None else plain(line.after),
        f"{line.monthly_before:.2f}",
        f"{line.monthly:.2f}",
        f"{line.monthly - line.monthly_before:+.2f}",
    ]
