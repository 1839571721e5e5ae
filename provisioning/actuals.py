"""What the clouds bill, joined to our resources: which accounts are read, when, and how a line finds its resource.

Only here clouds and billing meet: a line's tag is our resource's id, and billing knows the resource by its reference.
Credentials are lent for one reading and are in local variables only; what goes wrong is kept in words without them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from billing import actual, services
from billing.actual import ActualLine, ImportRunning
from billing.models import CostImport, CostImportStatus
from clouds import spending
from clouds.models import CloudAccount, CloudAccountStatus, Provider
from clouds.providers import CloudError, get_adapter
from clouds.spending import BillLine

from .execution.tags import RESOURCE_TAG

EVERY = timedelta(hours=23)  # between two readings of an account: once a day, whenever the worker runs
RETRY = timedelta(hours=6)  # after a failure
UNREADABLE = (
    "The bill could not be kept: something in it is not as expected. Your operator finds the reason in the log."
)

log = structlog.get_logger(__name__)


def due_accounts(now: datetime) -> list[UUID]:
    """Cloud accounts whose bill was not read within a day; Google's only where it is exported to a table."""
    rows = CostImport.objects.filter(started_at__gt=now - EVERY).select_related("account")
    rows = rows.exclude(status=CostImportStatus.FAILED, started_at__lt=now - RETRY)
    read = [row for row in rows if row.status != CostImportStatus.FAILED]
    recent: set[object] = {row.cloud_account for row in rows}
    recent |= {(row.account.organization_id, row.provider, row.owner) for row in read}
    due = []
    for account in readable_accounts():
        bill = bill_of(account)
        if not recent & {bill, str(account.pk)}:
            due.append(account.pk)
            recent.add(bill)
    return due


def bill_of(account: CloudAccount) -> tuple[object, ...]:
    """Which bill this is: accounts to the same owner in a cloud have one together."""
    owner = owner_of(account)
    return (account.organization_id, account.provider, owner) if owner else (account.pk,)


def owner_of(account: CloudAccount) -> str:
    """The AWS account, subscription or project behind ``account``, as it was last seen; empty if never."""
    return get_adapter(account.provider).owner_of(account.identity)


def readable_accounts() -> QuerySet[CloudAccount]:
    """Those that can be asked for their bill."""
    accounts = CloudAccount.objects.defer("credentials").exclude(status=CloudAccountStatus.REFUSED)
    return accounts.exclude(provider=Provider.GCP, billing_export="").order_by("pk")


def read_bill(cloud_account_id: UUID, first: date | None = None, last: date | None = None) -> CostImport | None:
    """Read the account's bill for the days given, or for those that may have changed; None when it is being read.

    A failure is not raised: it is what the returned import says.
    """
    account = CloudAccount.objects.defer("credentials").select_related("organization").get(pk=cloud_account_id)
    source = _begun(account, spending.ORIGINS[Provider(account.provider)], first, last)
    if source is None:
        return None
    try:
        lines = _lent(account, source)
    except CloudError as error:
        log.info("bill_not_read", cloud_account=str(account.pk), reason=type(error).__name__)
        return actual.fail_import(source=source, error=str(error))
    except Exception:  # the reading must end, or it counts as going on and keeps other accounts from being read
        log.exception("bill_not_read", cost_import=str(source.pk))
        return actual.fail_import(source=source, error=UNREADABLE)
    return _kept(source, lines)


def read_file(account: CloudAccount, name: str, content: Iterable[str]) -> CostImport | None:
    """Take the rows of Google's billing export from a file; the days are those it holds, and are replaced as a whole.

    None when the account's bill is being read. Raises ``ValueError`` in words for a file that holds no such rows.
    """
    lines = [line for row in spending.rows_of_file(name, content) for line in spending.lines_of(row)]
    if not lines:
        raise ValueError("There are no rows in this file.")
    days = [line.day for line in lines]
    source = _begun(account, name, min(days), max(days))
    return None if source is None else _kept(source, lines)


def _begun(account: CloudAccount, origin: str, first: date | None, last: date | None) -> CostImport | None:
    billed = services.account_of(account.organization)
    since, today = actual.days_to_read(billed, str(account.pk), timezone.now().date())
    try:
        return actual.begin_import(
            organization=account.organization,
            provider=account.provider,
            cloud_account=str(account.pk),
            cloud_account_name=account.name,
            origin=origin,
            owner=owner_of(account),
            first=first or since,
            last=last or today,
        )
    except ImportRunning:
        return None


@sensitive_variables("credentials")
def _lent(account: CloudAccount, source: CostImport) -> list[BillLine]:
    """The bill, whole or not at all: no row is locked while a network answers."""
    credentials = spending.lent_credentials(account)
    return list(spending.read_costs(account, credentials, source.first, source.last, tag=RESOURCE_TAG))


def _kept(source: CostImport, lines: Iterable[BillLine]) -> CostImport:
    try:
        return actual.finish_import(source=source, lines=_joined(lines))
    except Exception:
        log.exception("bill_not_kept", cost_import=str(source.pk))
        return actual.fail_import(source=source, error=UNREADABLE)


def _joined(lines: Iterable[BillLine]) -> Iterator[ActualLine]:
    for line in lines:
        yield ActualLine(
            day=line.day,
            service_name=line.service_name,
            service_category=line.service_category,
            billed_cost=line.billed_cost,
            currency=line.currency,
            reference=_reference(line.tags.get(RESOURCE_TAG, "")),
            charge_category=line.charge_category,
            region=line.region,
            sku=line.sku,
            quantity=line.quantity,
            unit=line.unit,
            list_cost=line.list_cost,
            contracted_cost=line.contracted_cost,
            effective_cost=line.effective_cost,
            external_resource_id=line.external_resource_id,
            tags=line.tags,
            is_estimated=line.is_estimated,
        )


def _reference(tag: str) -> str:
    """Billing's reference of the resource whose id a tag holds (see ``Resource.hold_reference``); empty for others."""
    try:
        return f"resource:{uuid.UUID(tag)}"
    except ValueError:
        return ""
