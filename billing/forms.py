"""Forms of the operators' deeds with money."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.models import Organization

from .adjusting import NotAnAdjustment, Terms
from .prices import current_table


class TopUpForm(forms.Form):
    amount = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_value=Decimal(1_000_000),
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01"}),
        help_text="USD to add.",
    )
    note = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Shown to the tenant in the ledger: an invoice number, for example.",
    )
    key = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)  # makes sending the form twice harmless


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Kept in the audit trail.")


class ReleaseHoldForm(ReasonForm):
    pass


class AdjustPricesForm(forms.Form):
    """The terms of a :class:`PriceAdjustment`."""

    organization = forms.ModelChoiceField(
        Organization.objects.all(),
        label="Tenant",
        to_field_name="slug",
        widget=UnfoldAdminTextInputWidget(),
        help_text="The short name in its addresses.",
        error_messages={"invalid_choice": "There is no such tenant."},
    )
    cloud_account = forms.UUIDField(
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Id of one of its cloud accounts (in their addresses here); empty: in all of them.",
    )
    sku_prefix = forms.CharField(
        required=False,
        max_length=80,
        label="SKU",
        widget=UnfoldAdminTextInputWidget(),
        help_text="For a percentage the beginning, such as aws: or aws:compute:, empty for all; for a price all of it.",
    )
    percent = forms.DecimalField(
        required=False,
        max_digits=7,
        decimal_places=3,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text="-15 is a discount of 15 %, 10 a markup of 10 %.",
    )
    unit_price = forms.DecimalField(
        required=False,
        max_digits=18,
        decimal_places=9,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text="Or a price of its own in USD, per the SKU's own unit.",
    )
    starts_at = forms.DateTimeField(
        required=False, label="From", widget=UnfoldAdminTextInputWidget(), help_text="UTC, empty: now. 2026-12-01 00:00"
    )
    note = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Why: a contract's number, for example."
    )
    key = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid.uuid4)  # makes sending the form twice harmless

    def clean_starts_at(self) -> datetime | None:
        given: datetime | None = self.cleaned_data["starts_at"]
        if given is not None and given < timezone.now():
            raise forms.ValidationError("This is past: what was charged never changes. Leave it empty for now.")
        return given

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                self.terms().check()
            except NotAnAdjustment as refusal:
                raise forms.ValidationError(str(refusal)) from refusal
            self._check_sku()
        return self.cleaned_data

    def terms(self) -> Terms:
        names = ("sku_prefix", "percent", "unit_price", "starts_at")
        account = self.cleaned_data["cloud_account"]
        return Terms(cloud_account=str(account or ""), **{name: self.cleaned_data[name] for name in names})

    def _check_sku(self) -> None:
        wanted, is_price = self.cleaned_data["sku_prefix"], self.cleaned_data["unit_price"] is not None
        known = {sku for sku, _ in current_table().prices}
        if is_price and wanted not in known:
            self.add_error("sku_prefix", "The price catalogue has no such SKU.")
        elif not any(sku.startswith(wanted) for sku in known):
            self.add_error("sku_prefix", "No SKU of the price catalogue begins so.")


class CreditPolicyForm(forms.Form):
    stops_machines = forms.BooleanField(
        required=False,
        label="Stop machines without credit",
        widget=UnfoldBooleanWidget(),
        help_text="Once the credit is used up for the grace period; nothing is ever destroyed.",
    )
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Kept in the audit trail.")
