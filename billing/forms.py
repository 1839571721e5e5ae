"""Forms of the operators' two deeds with money."""

import uuid
from decimal import Decimal

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget


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


class ReleaseHoldForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Kept in the audit trail.")


class CreditPolicyForm(forms.Form):
    stops_machines = forms.BooleanField(
        required=False,
        label="Stop machines without credit",
        widget=UnfoldBooleanWidget(),
        help_text="Once the credit is used up for the grace period; nothing is ever destroyed.",
    )
    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="Kept in the audit trail.")
