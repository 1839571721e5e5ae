"""Operators' view of money. Everything is read-only except deeds: top up, release a hold, agree prices."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.decorators import action

from accounts.admin import ReadOnlyModelAdmin

from . import credit, services
from .adjustment_admin import PriceAdjustmentAdmin
from .budget_admin import AlertAdmin, BudgetAdmin
from .deeds import DeedAdmin
from .delivery_admin import ChannelAdmin, DeliveryAdmin
from .forms import CreditPolicyForm, ReleaseHoldForm, TopUpForm
from .models import Account, Hold, HoldStatus, LedgerEntry, Price, Quote

__all__ = [
    "AlertAdmin",
    "BudgetAdmin",
    "ChannelAdmin",
    "DeliveryAdmin",
    "PriceAdjustmentAdmin",
]  # registered beside those below


@admin.register(Account)
class AccountAdmin(DeedAdmin):
    list_display: ClassVar = ["organization", "balance", "held", "available", "currency", "entries_count"]
    list_select_related: ClassVar = ["organization"]
    search_fields: ClassVar = ["organization__name", "organization__slug"]
    fields: ClassVar = [
        "organization", "balance", "held", "available", "currency", "entries_count", "stops_machines", "created_at",
    ]  # fmt: skip
    readonly_fields: ClassVar = ["available"]
    actions_detail: ClassVar = ["top_up", "policy"]

    @action(description="Top up", url_path="top-up", permissions=["deed"])  # type: ignore[untyped-decorator]  # unfold has no types
    def top_up(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add credit. The form carries a key, so sending it twice books it once."""
        account = get_object_or_404(Account.objects.select_related("organization"), pk=object_id)
        form = TopUpForm(request.POST or None)
        if not form.is_valid():
            return self.answer_form(request, form, account, title=f"Top up {account.organization}", verb="Top up")
        try:
            entry = services.top_up(
                organization=account.organization,
                amount=form.cleaned_data["amount"],
                reference=f"operator:{form.cleaned_data['key']}",
                actor=self.actor(request, account.organization),
                description=form.cleaned_data["note"],
            )
        except services.ReferenceReused:
            messages.error(request, "This form was sent before with another amount; nothing was booked again.")
        else:
            messages.success(request, f"{entry.amount} {account.currency} added; the balance is {entry.balance_after}.")
        return self.back_to(account)

    @action(description="Without credit", url_path="policy", permissions=["deed"])  # type: ignore[untyped-decorator]  # unfold has no types
    def policy(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose whether the tenant's machines are stopped once its credit is used up."""
        account = get_object_or_404(Account.objects.select_related("organization"), pk=object_id)
        form = CreditPolicyForm(request.POST or None, initial={"stops_machines": account.stops_machines})
        if not form.is_valid():
            return self.answer_form(request, form, account, title=f"{account.organization} without credit", verb="Save")
        stops = form.cleaned_data["stops_machines"]
        actor = self.actor(request, account.organization)
        credit.set_policy(account=account, stops_machines=stops, actor=actor, reason=form.cleaned_data["reason"])
        messages.success(request, f"Without credit, machines {'are stopped' if stops else 'run on'}.")
        return self.back_to(account)


@admin.register(Hold)
class HoldAdmin(DeedAdmin):
    list_display: ClassVar = ["organization", "description", "reference", "amount", "status", "created_at", "closed_at"]
    list_filter: ClassVar = ["status"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["reference", "description", "account__organization__name"]
    actions_detail: ClassVar = ["release"]

    @admin.display(ordering="account__organization__name")
    def organization(self, hold: Hold) -> str:
        return str(hold.account.organization)

    @action(description="Release", url_path="release", permissions=["deed"])  # type: ignore[untyped-decorator]  # unfold has no types
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the reserved credit back without charging, with a reason for the audit trail."""
        hold = get_object_or_404(Hold.objects.select_related("account__organization"), pk=object_id)
        form = ReleaseHoldForm(request.POST or None)
        if not form.is_valid():
            return self.answer_form(request, form, hold, title=f"Release {hold}", verb="Release")
        released = self._release(request, hold, form.cleaned_data["reason"])
        if released is None:
            messages.info(request, "This hold was closed before; nothing changed.")
        else:
            messages.success(request, f"{released.amount} {hold.account.currency} released.")
        return self.back_to(hold)

    def _release(self, request: HttpRequest, hold: Hold, reason: str) -> Hold | None:
        if hold.status != HoldStatus.OPEN:
            return None  # its reference may be held anew by now: that one is not meant
        organization = hold.account.organization
        return services.release_hold(
            organization=organization,
            reference=hold.reference,
            actor=self.actor(request, organization),
            reason=reason,
        )


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = [
        "organization", "number", "kind", "amount", "balance_after", "description", "reference", "created_at",
    ]  # fmt: skip
    list_filter: ClassVar = ["kind", "created_at"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["reference", "description", "account__organization__name"]
    ordering: ClassVar = ["-created_at", "-number"]

    @admin.display(ordering="account__organization__name")
    def organization(self, entry: LedgerEntry) -> str:
        return str(entry.account.organization)


@admin.register(Price)
class PriceAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = [
        "sku", "region", "amount", "currency", "unit", "catalogue", "is_current", "is_approximate", "as_of", "source",
    ]  # fmt: skip
    list_filter: ClassVar = ["is_current", "catalogue", "region", "is_approximate"]
    search_fields: ClassVar = ["sku", "source"]


@admin.register(Quote)
class QuoteAdmin(ReadOnlyModelAdmin):
    list_display: ClassVar = ["organization", "reference", "monthly", "hourly", "currency", "catalogue", "created_at"]
    list_select_related: ClassVar = ["account__organization"]
    search_fields: ClassVar = ["reference", "account__organization__name"]

    @admin.display(ordering="account__organization__name")
    def organization(self, quote: Quote) -> str:
        return str(quote.account.organization)
