"""Asking for a bill to be read now, and taking one from a file."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing.models import CostImport, CostImportStatus
from clouds.models import CloudAccount, Provider
from provisioning import actuals, tasks

NO_EXPORT = "Enter the table of its billing export first: Google is not asked for costs in any other way."


class NotReadable(Exception):
    """The bill of a cloud account cannot be read; the text says what to do."""


@transaction.atomic
def request_reading(*, actor: Actor, account: CloudAccount) -> None:
    """Have a worker read the account's bill. Raises ``PermissionDenied`` and :class:`NotReadable`."""
    actor.require(Right.MANAGE)
    if account.provider == Provider.GCP and not account.billing_export:
        raise NotReadable(NO_EXPORT)
    audit.record(actor, "bill.read", account)
    transaction.on_commit(partial(tasks.read_bill.send, str(account.pk)), robust=True)


def take_file(*, actor: Actor, account: CloudAccount, name: str, content: Iterable[str]) -> CostImport:
    """Take rows of Google's billing export from a file. Raises ``PermissionDenied`` and :class:`NotReadable`."""
    actor.require(Right.MANAGE)
    if account.provider != Provider.GCP:
        raise NotReadable("Only Google exports its bill as rows.")
    try:
        taken = actuals.read_file(account, name, content)
    except ValueError as error:
        raise NotReadable(str(error)) from None
    if taken is None:
        raise NotReadable("The bill of this cloud account is being read at this moment. Try again in a minute.")
    if taken.status == CostImportStatus.FAILED:
        raise NotReadable(taken.error)
    audit.record(actor, "bill.take_file", account, file=name, rows=taken.rows)
    return taken
