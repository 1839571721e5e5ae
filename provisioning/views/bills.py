"""What the clouds bill: which accounts were read and how that went, the months, and one of them by resource."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor, actor_of
from accounts.guards import requires
from accounts.models import Right
from billing.costs import actual
from billing.models import Account, CostImport, CostImportStatus
from billing.services import account_of
from clouds import spending
from clouds.credentials import InvalidCredentials
from clouds.models import CloudAccount, Provider
from provisioning.actuals import bill_of
from provisioning.execution.tags import RESOURCE_TAG
from provisioning.forms import BillExportForm, BillFileForm
from provisioning.models import Resource
from provisioning.services import bills


@dataclass(frozen=True, slots=True)
class Reading:
    """A cloud account and how the last reading of its bill went; the account may be gone by now."""

    name: str
    provider: str
    account: CloudAccount | None
    last: CostImport | None
    reader: str = ""  # another account to the same owner, through which the bill was read

    @property
    def needs_export(self) -> bool:
        """Whether it cannot be read until somebody says where its bill is."""
        return self.account is not None and self.provider == Provider.GCP and not self.account.billing_export

    @property
    def has_no_tags(self) -> bool:
        """Whether a bill came in, and nothing in it was ours: perhaps the tag is not switched on there."""
        last = self.last
        return last is not None and last.status == CostImportStatus.SUCCEEDED and bool(last.rows) and not last.matched


@require_safe
@requires(Right.VIEW)
def actual_costs(request: HttpRequest) -> HttpResponse:
    """Readings, months, and the month that ``?month=2026-11`` names; HTMX asks for the readings alone."""
    actor = actor_of(request)
    billed = account_of(actor.tenant)
    readings = list(_readings(actor, billed))
    context: dict[str, Any] = {"readings": readings, "tag": RESOURCE_TAG, **_polling(request, readings)}
    if request.headers.get("HX-Target") == "bill-readings":
        return render(request, "provisioning/_bill_readings.html", context)
    return render(request, "provisioning/actual_costs.html", context | _months(request, actor, billed, readings))


@require_POST
@requires(Right.MANAGE)
def bill_read(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Have the account's bill read now."""
    account = _account(request, account_id)
    try:
        bills.request_reading(actor=actor_of(request), account=account)
    except bills.NotReadable as problem:
        messages.error(request, f"{account} was not read. {problem}")
        return redirect("provisioning:bill-settings", account.pk)
    messages.success(request, f"The bill of {account} will be read within a minute.")
    response = redirect("provisioning:actual-costs")
    response["Location"] += "?asked=1"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Right.MANAGE)
def bill_settings(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """How the account's bill is read: what each cloud wants for it, and for Google the table of its export."""
    account = _account(request, account_id)
    form = BillExportForm(request.POST or None, initial={"table": account.billing_export})
    if request.method == "POST" and form.is_valid():
        try:
            spending.set_billing_export(actor=actor_of(request), account=account, table=form.cleaned_data["table"])
        except InvalidCredentials as refusal:
            form.add_error("table", [problem.detail for problem in refusal.errors])
        else:
            messages.success(request, "Saved.")
            return redirect("provisioning:actual-costs")
    return _settings_page(request, account, form, BillFileForm())


@require_POST
@requires(Right.MANAGE)
def bill_file(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Take rows of a billing export from a file."""
    account = _account(request, account_id)
    form = BillFileForm(request.POST, request.FILES)
    if form.is_valid():
        name, content = form.cleaned_data["file"].name, form.lines()
        try:
            taken = bills.take_file(actor=actor_of(request), account=account, name=name, content=content)
        except bills.NotReadable as problem:
            form.add_error("file", str(problem))
        else:
            messages.success(request, f"{name}: {taken.rows} rows, {taken.matched} of your resources.")
            return redirect("provisioning:actual-costs")
    return _settings_page(request, account, BillExportForm(initial={"table": account.billing_export}), form)


def _account(request: HttpRequest, account_id: UUID) -> CloudAccount:
    return get_object_or_404(CloudAccount.objects.visible_to(actor_of(request)), pk=account_id)


def _settings_page(
    request: HttpRequest, account: CloudAccount, form: BillExportForm, file_form: BillFileForm
) -> HttpResponse:
    context = {
        "account": account,
        "form": form,
        "file_form": file_form,
        "tag": RESOURCE_TAG,
        "permissions": spending.PERMISSIONS[Provider(account.provider)],
    }
    status = 422 if form.errors or file_form.errors else 200
    return render(request, "provisioning/bill_settings.html", context, status=status)


def _readings(actor: Actor, billed: Account) -> Iterator[Reading]:
    """Of every connected cloud account, then of those that are gone and left a bill here."""
    newest = {one.cloud_account: one for one in actual.newest_imports(billed)}
    accounts = list(CloudAccount.objects.visible_to(actor))
    readers = {bill_of(account): account.name for account in accounts if str(account.pk) in newest}
    for account in accounts:
        last = newest.pop(str(account.pk), None)
        reader = "" if last else readers.get(bill_of(account), "")
        yield Reading(account.name, account.provider, account, last, reader)
    for last in newest.values():
        yield Reading(last.cloud_account_name or last.cloud_account, last.provider, None, last)


def _polling(request: HttpRequest, readings: list[Reading]) -> dict[str, str]:
    """When the page looks again: while something is being read, and once after it was asked for."""
    if any(one.last is not None and one.last.status == CostImportStatus.RUNNING for one in readings):
        return {"trigger": "load delay:3s"}
    return {"trigger": "load delay:4s"} if request.GET.get("asked") else {"trigger": ""}


def _months(request: HttpRequest, actor: Actor, billed: Account, readings: list[Reading]) -> dict[str, Any]:
    months = actual.billed_months(billed)
    chosen = _chosen(request.GET.get("month", ""), [each.month for each in months])
    things = actual.billed_things(billed, chosen)
    names = {
        str(one.account.pk) if one.account else one.last.cloud_account if one.last else "": one.name for one in readings
    }
    ids = [_id_in(thing.reference) for thing in things]
    ours = Resource.objects.visible_to(actor).filter(pk__in=[pk for pk in ids if pk])
    pages = {one.hold_reference: one.pk for one in ours}
    rest = actual.unmatched(billed, chosen)
    return {
        "months": [(each, names.get(each.cloud_account, "")) for each in months],
        "month": chosen,
        "choices": sorted({each.month for each in months}, reverse=True),
        "things": [(thing, pages.get(thing.reference)) for thing in things],
        "rest": [(each, names.get(each.cloud_account, "")) for each in rest],
    }


def _id_in(reference: str) -> UUID | None:
    """The resource's id in billing's reference of it, which is not always one of ours."""
    try:
        return UUID(reference.partition(":")[2])
    except ValueError:
        return None


def _chosen(given: str, months: list[date]) -> date:
    """The month asked for if there is a bill of it, else the newest there is."""
    wanted = next((month for month in months if f"{month:%Y-%m}" == given), None)
    return wanted or (months[0] if months else timezone.now().date().replace(day=1))
