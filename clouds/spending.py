"""Reading what a cloud bills an account: one question, one kind of answer, whichever cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from importlib import import_module

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right

from . import sandbox
from .credentials import InputProblem, InvalidCredentials
from .issuer import Purpose
from .lending import credentials_of, usable
from .models import CloudAccount, Provider
from .providers import CloudUnreachable
from .providers.bill import BillLine, BillQuestion, BillReader
from .providers.gcp_rows import TABLE, lines_of, rows_of_file

__all__ = ["ORIGINS", "BillLine", "lent_credentials", "lines_of", "read_costs", "rows_of_file", "set_billing_export"]

READERS = {  # heavy: each is loaded when it is first needed, in a worker
    Provider.AWS: "clouds.providers.aws_costs",
    Provider.AZURE: "clouds.providers.azure_costs",
    Provider.GCP: "clouds.providers.gcp_costs",
}
ORIGINS = {Provider.AWS: "Cost Explorer", Provider.AZURE: "Cost Management", Provider.GCP: "BigQuery export"}
PERMISSIONS = {  # what a reader asks for, beside what the offerings need
    Provider.AWS: ["ce:GetCostAndUsage"],
    Provider.AZURE: ["Microsoft.CostManagement/query/read"],
    Provider.GCP: ["bigquery.jobs.create", "bigquery.tables.get", "bigquery.tables.getData"],
}
NO_NAME = "A table's name looks like my-project.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01."
UNREADABLE = "The cloud's bill is not written as expected and could not be read."


def set_billing_export(*, actor: Actor, account: CloudAccount, table: str) -> CloudAccount:
    """Say in which table of BigQuery the account's bill is; empty: in none.

    Raises :class:`InvalidCredentials` for what is not the name of a table, or where the cloud has a cost API.
    """
    actor.require(Right.MANAGE)
    table = table.strip().strip("`")
    if account.provider != Provider.GCP:
        problem = f"{account.get_provider_display()} is asked for its bill directly; there is nothing to set."
    else:
        problem = "" if not table or TABLE.fullmatch(table) else NO_NAME
    if problem:
        raise InvalidCredentials([InputProblem("table", "invalid", problem)])
    with transaction.atomic():
        CloudAccount.objects.filter(pk=account.pk).update(billing_export=table)
        saved = CloudAccount.objects.visible_to(actor).get(pk=account.pk)
        audit.record(actor, "cloud_account.set_billing_export", saved, table=table)
    return saved


@sensitive_variables("credentials")
def lent_credentials(account: CloudAccount) -> dict[str, str]:
    """The account's credentials, opened for this one reading. Raises a ``CloudError``; keep them no longer."""
    return usable(account, credentials_of(account.pk), Purpose())


@sensitive_variables("credentials")
def read_costs(
    account: CloudAccount, credentials: Mapping[str, str], first: date, last: date, *, tag: str
) -> Iterator[BillLine]:
    """Every line of the account's bill for the days ``first`` to ``last`` (UTC), both included, in any order.

    ``tag`` is the one by which our resources are known; lines carry its value where they have one. Raises a
    ``CloudError`` whose words say what to do, perhaps after some lines: take none of them then.
    """
    read: BillReader = import_module(READERS[Provider(account.provider)]).read
    endpoint = sandbox.endpoint_of(account.provider) if account.is_sandbox else ""
    asked = BillQuestion(first, last, tag, account.billing_export)
    try:
        yield from read(credentials, endpoint, asked)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        raise CloudUnreachable(UNREADABLE) from None
