"""``manage.py seed_bills``: what the simulated clouds bill, made from what was metered, and a reading of it.

A cloud's bill is never quite what was metered: it rounds otherwise, gives a credit, adds traffic that nobody priced,
and bills for things that were made elsewhere. So a made-up one differs by some percent and holds a few such lines.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zlib import crc32

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.actual import open_since
from billing.models import CostImportStatus, DailyCost
from clouds import sandbox, spending
from clouds.models import CloudAccount, Provider
from clouds.providers import CloudError, gcp_credentials
from provisioning import actuals, tasks
from provisioning.execution.tags import RESOURCE_TAG

SERVICES = {  # by provider and the family of the SKU, as the clouds call them
    "aws": {
        "compute": "Amazon Elastic Compute Cloud - Compute", "disk": "EC2 - Other",
        "s3": "Amazon Simple Storage Service", "ipv4": "Amazon Virtual Private Cloud",
        "eks": "Amazon Elastic Container Service for Kubernetes",
    },
    "azure": {
        "compute": "Virtual Machines", "disk": "Storage", "blob": "Storage", "ipv4": "Virtual Network",
        "aks": "Azure Kubernetes Service",
    },
    "gcp": {
        "compute": "Compute Engine", "disk": "Compute Engine", "gcs": "Cloud Storage", "ipv4": "Networking",
        "gke": "Kubernetes Engine",
    },
}  # fmt: skip
TRAFFIC = {"aws": "AWS Data Transfer", "azure": "Bandwidth", "gcp": "Networking"}
TABLE = "{project}.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01"
Row = dict[str, Any]


class Command(BaseCommand):
    help = "Let the simulated clouds bill what was metered, about, and read it. For trials; safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", help="slug of one tenant; all, if not given")
        parser.add_argument("--ring", action="store_true", help="have the worker read: AWS, and what has a past")

    def handle(self, *args: Any, organization: str | None, ring: bool, **options: Any) -> None:
        if not settings.TRIAL:
            raise CommandError("seed_bills is for trials: set TRIAL=1.")
        accounts = CloudAccount.objects.filter(is_sandbox=True).defer("credentials").select_related("organization")
        chosen = [each for each in accounts if organization in {None, each.organization.slug}]
        try:
            _put(list(accounts))
        except CloudError as error:
            raise CommandError(str(error)) from error
        if ring:
            _ring(chosen)
            return
        for account in _readers(chosen):
            done = actuals.read_bill(account.pk)
            if done is not None and done.status == CostImportStatus.FAILED:
                self.stderr.write(f"{account}: {done.error}")
            elif done is not None:
                self.stdout.write(f"{account}: {done.rows} rows billed, {done.matched} of resources.")


def _ring(accounts: Iterable[CloudAccount]) -> None:
    """A worker that never made anything in Azure or Google need not load their SDKs for an empty bill."""
    metered = set(DailyCost.objects.order_by().values_list("resource__cloud_account", flat=True).distinct())
    for account in _readers(accounts):
        if account.provider == Provider.AWS or str(account.pk) in metered:
            tasks.read_bill.send(str(account.pk))


def _readers(accounts: Iterable[CloudAccount]) -> list[CloudAccount]:
    """One account of each bill."""
    return list({actuals.bill_of(account): account for account in accounts}.values())


def _put(accounts: Iterable[CloudAccount]) -> None:
    """Accounts with the same credentials are one to the cloud, and share a bill."""
    bills: dict[tuple[str, str], tuple[dict[str, str], list[Row]]] = {}
    for account in accounts:
        credentials = spending.lent_credentials(account)
        if account.provider == Provider.GCP and not account.billing_export:
            table = TABLE.format(project=gcp_credentials.project_of(credentials))
            CloudAccount.objects.filter(pk=account.pk).update(billing_export=table)
        _, rows = bills.setdefault((account.provider, json.dumps(credentials, sort_keys=True)), (credentials, []))
        rows += _rows(account)
    for (provider, _), (credentials, rows) in bills.items():
        sandbox.put_bill(provider, credentials, rows)


def _rows(account: CloudAccount) -> Iterator[Row]:
    """From two months before the open days on; the day that is not over yet is not billed."""
    today = timezone.now().date()
    first = open_since(today) - timedelta(days=62)
    costs = DailyCost.objects.filter(resource__cloud_account=str(account.pk), day__gte=first, day__lt=today)
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    for cost in costs.select_related("resource").order_by("day"):
        family = cost.sku.split(":")[1]
        amount = _about(cost.amount, f"{cost.resource_id}{cost.day}")
        by_day[cost.day] += amount
        yield {
            "day": cost.day.isoformat(), "service": SERVICES[account.provider].get(family, "Other"), "sku": cost.sku,
            "cost": str(amount), "region": cost.resource.region, "resource": cost.resource.name,
            "tags": {RESOURCE_TAG: cost.resource.reference.partition(":")[2]},
        }  # fmt: skip
    for day, amount in by_day.items():
        yield {"day": day.isoformat(), "service": TRAFFIC[account.provider], "cost": str(_about(amount / 20, f"{day}"))}
    yield from _once(account.provider, first, today)


def _once(provider: str, first: date, today: date) -> Iterator[Row]:
    """Each month something that nobody ordered here; of AWS a credit too."""
    for day in (first + timedelta(days=number) for number in range((today - first).days)):
        if day.day == 1:
            yield {"day": day.isoformat(), "service": TRAFFIC[provider], "cost": "1.28", "sku": "made elsewhere"}
            if provider == Provider.AWS:  # Azure's answers hold none, and Google's come with what they reduce
                yield {"day": day.isoformat(), "service": "Credit", "cost": "-0.50", "category": "Credit"}


def _about(amount: Decimal, what: str) -> Decimal:
    """The amount, up to 3 % less or 5 % more, always the same for ``what``."""
    return (amount * (97 + Decimal(crc32(what.encode()) % 801) / 100) / 100).quantize(Decimal("1e-6"))
