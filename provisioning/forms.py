"""What an order needs besides the offering's own inputs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms

from accounts.actors import Actor
from clouds.inputs import InvalidInputs, read_tags, validate_name
from clouds.inputs.tags import ALLOWED, MAX_TAGS
from clouds.models import CloudAccount, OfferingVersion

from .services import USABLE

LARGEST_BILL = 20 * 1024 * 1024  # bytes


class CloudAccountField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    def label_from_instance(self, obj: CloudAccount) -> str:
        simulated = " (simulated)" if obj.is_sandbox and "simulated" not in obj.name.lower() else ""
        unusable = "" if obj.status in USABLE else f": {obj.get_status_display().lower()}"
        return f"{obj.name}{simulated}{unusable}"


class TagsField(forms.CharField):
    """Tags on one line, "team=data, env=prod"; its value is ``{name: value}``."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = f"name=value, separated by commas: costs are grouped by them. Up to {MAX_TAGS}. {ALLOWED}"
        attributes = {
            "autocomplete": "off",
            "autocapitalize": "off",
            "spellcheck": "false",
            "placeholder": "team=data, env=prod",
        }
        widget = forms.TextInput(attrs=attributes)
        super().__init__(label="Tags", required=False, help_text=help_text, widget=widget, **kwargs)

    def clean(self, value: Any) -> dict[str, str]:
        try:
            return read_tags(super().clean(value))
        except InvalidInputs as refusal:
            raise forms.ValidationError([error.detail for error in refusal.errors]) from refusal


class TagsForm(forms.Form):
    """All tags of a resource."""

    tags = TagsField()


class OrderForm(forms.Form):
    """The name of the new resource, the account it is made in, and its tags."""

    name = forms.CharField(
        help_text="3 to 40 lower-case letters, digits and hyphens. It must be new in your organization.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    cloud_account = CloudAccountField(CloudAccount.objects.none(), label="Cloud account", empty_label=None)
    tags = TagsField()

    def __init__(self, *args: Any, actor: Actor, version: OfferingVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = version.offering.provider
        everywhere = CloudAccount.objects.visible_to(actor)
        field = self.fields["cloud_account"]
        assert isinstance(field, CloudAccountField)
        field.queryset = everywhere.filter(provider=self.provider)
        self.everywhere = list(everywhere)
        self.accounts = [account for account in self.everywhere if account.provider == self.provider]

    def typed_tags(self) -> dict[str, str]:
        """The tags that are typed now; none while they are not valid."""
        try:
            return read_tags(str(self["tags"].value() or ""))
        except InvalidInputs:
            return {}

    def clean_name(self) -> str:
        try:
            return validate_name(self.cleaned_data["name"])
        except InvalidInputs as refusal:
            raise forms.ValidationError(refusal.errors[0].detail) from refusal

    @property
    def cloud_account_ids(self) -> dict[str, UUID]:
        """By cloud, the account that prices are for: the one chosen here, elsewhere the first on the list."""
        given = str(self["cloud_account"].value() or "")
        chosen = [account for account in self.accounts if str(account.pk) == given]
        return {account.provider: account.pk for account in reversed([*chosen, *self.everywhere])}

    @property
    def has_usable_account(self) -> bool:
        return any(account.status in USABLE for account in self.accounts)


class ConfirmNameForm(forms.Form):
    """The name of what is to be destroyed or forgotten, typed by hand."""

    confirm_name = forms.CharField(max_length=80, label="Name")

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_confirm_name(self) -> str:
        typed = str(self.cleaned_data["confirm_name"]).strip()
        if typed != self.name:
            raise forms.ValidationError(f"This is not its name. Type: {self.name}")
        return typed


class BillExportForm(forms.Form):
    """Where Google writes the bill."""

    table = forms.CharField(
        label="Table of the billing export",
        required=False,
        max_length=200,
        help_text="Looks like my-project.billing.gcp_billing_export_resource_v1_012345_6789AB_CDEF01",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )


class BillFileForm(forms.Form):
    """Rows of Google's billing export, for whom no table can be opened to us."""

    file = forms.FileField(
        label="Rows of the billing export",
        help_text="JSON lines or CSV, up to 20 MB. The days it holds are replaced.",
        widget=forms.ClearableFileInput(attrs={"accept": ".jsonl,.json,.ndjson,.csv"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_BILL:
            raise forms.ValidationError("This file is too large: send it with manage.py import_costs, or in parts.")
        return file

    def lines(self) -> Iterator[str]:
        """The file's lines, as text. Raises ``ValueError`` in words where it is none."""
        try:
            yield from io.TextIOWrapper(self.cleaned_data["file"].file, encoding="utf-8-sig", newline="")
        except UnicodeDecodeError:
            raise ValueError("This file is not text in UTF-8.") from None


class DismissForm(forms.Form):
    """Why a proposal is not followed: whoever sees it next would ask."""

    reason = forms.CharField(
        max_length=300, label="Why not?", widget=forms.TextInput(attrs={"placeholder": "Needed for the load test"})
    )
